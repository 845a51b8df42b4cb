"""Gemini in two worlds: the twin with a clock to turn, and the adapter before a simulator."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, Protocol

from shared.domain.errors import OutcomeUnknown, QuotaKind, Throttled
from shared.gateways.gemini.file_search import GeminiFileSearch
from shared.gateways.ports import Gemini, ImportOperation, RemoteFile, RemoteState
from tests.contract.servers import http_json, wait_until
from tests.patience import PATIENCE
from tests.twins.clock import ManualClock
from tests.twins.gemini import MemoryGemini
from tests.twins.imports import ImportFate


class GeminiWorld(Protocol):
    """What the contract needs beside the port."""

    @property
    def gemini(self) -> Gemini: ...

    @property
    def imports(self) -> int: ...

    def wait_until(self, condition: Callable[[], bool]) -> None: ...

    def lose_reply_of_next_import(self) -> None: ...

    def throttle_next_import(self, quota: QuotaKind, wait: timedelta) -> None: ...

    def next_import(self, fate: ImportFate) -> None: ...

    def limit_storage(self, cap: int) -> None: ...

    def count_in_stores(self, *, reported_per_byte: int, lag: timedelta) -> None: ...


class MemoryGeminiWorld:
    def __init__(self) -> None:
        self.clock = ManualClock()
        second = timedelta(seconds=1)
        self.gemini = MemoryGemini(self.clock, file_latency=second, import_latency=second)

    @property
    def imports(self) -> int:
        return self.gemini.imports

    def wait_until(self, condition: Callable[[], bool]) -> None:
        for _ in range(100):
            if condition():
                return
            self.clock.sleep(1)
        raise AssertionError("waited in vain")

    def lose_reply_of_next_import(self) -> None:
        error = OutcomeUnknown("gemini.import_file")
        self.gemini.fail_next("import_file", error, after_effect=True)

    def throttle_next_import(self, quota: QuotaKind, wait: timedelta) -> None:
        error = Throttled("gemini.import_file", quota=quota, retry_after=wait)
        self.gemini.fail_next("import_file", error)

    def next_import(self, fate: ImportFate) -> None:
        self.gemini.fates.append(fate)

    def limit_storage(self, cap: int) -> None:
        self.gemini.storage_cap = cap

    def count_in_stores(self, *, reported_per_byte: int, lag: timedelta) -> None:
        self.gemini.reported_per_byte, self.gemini.counts_lag = reported_per_byte, lag


class SimulatedGeminiWorld:
    _FAULTS: ClassVar[Mapping[QuotaKind, str]] = {
        QuotaKind.RATE: "rate_limited",
        QuotaKind.DAY: "day_spent",
        QuotaKind.STORAGE: "storage_full",
        QuotaKind.SPEND: "credits_depleted",
    }

    def __init__(self, url: str) -> None:
        self.url = url
        self.gemini = self.client()

    def client(self, api_key: str = "AIzaTEST") -> GeminiFileSearch:
        return GeminiFileSearch(api_key, base_url=self.url, timeout=timedelta(seconds=PATIENCE))

    @property
    def imports(self) -> int:
        total: int = http_json(f"{self.url}/_sim/stats")["imports_total"]
        return total

    def requests(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = http_json(f"{self.url}/_sim/requests")["requests"]
        return entries

    def reset(self) -> None:
        http_json(f"{self.url}/_sim/reset", ["resources", "stats", "faults"])
        http_json(f"{self.url}/_sim/quota", {"storage_bytes": None})

    def fault(self, kind: str, route: str, **more: object) -> None:
        http_json(f"{self.url}/_sim/faults", {"kind": kind, "route": route, "times": 1, **more})

    def wait_until(self, condition: Callable[[], bool]) -> None:
        wait_until(condition)

    def lose_reply_of_next_import(self) -> None:
        self.fault("reply_lost", "stores.importFile")

    def throttle_next_import(self, quota: QuotaKind, wait: timedelta) -> None:
        self.fault(
            self._FAULTS[quota],
            "stores.importFile",
            retry_info=True,
            delay_s=wait.total_seconds(),
        )

    def next_import(self, fate: ImportFate) -> None:
        kind = "document_failed"
        if fate.operation_hangs:
            kind = "operation_hung"
        elif fate.operation_fails:
            kind = "operation_failed"
        self.fault(kind, "stores.importFile")

    def limit_storage(self, cap: int) -> None:
        http_json(f"{self.url}/_sim/quota", {"storage_bytes": cap})

    def count_in_stores(self, *, reported_per_byte: int, lag: timedelta) -> None:
        figures = {"reported_per_byte": reported_per_byte, "lag_s": lag.total_seconds()}
        http_json(f"{self.url}/_sim/store_figures", figures)


def upload(gemini: Gemini, file_id: str, content: bytes, display_name: str = "a.md") -> RemoteFile:
    return gemini.upload(
        file_id,
        io.BytesIO(content),
        size=len(content),
        media_type="text/markdown",
        display_name=display_name,
    )


def uploaded(world: GeminiWorld, file_id: str, content: bytes = b"# hello\n") -> RemoteFile:
    """An active raw file."""
    name = upload(world.gemini, file_id, content).name
    world.wait_until(lambda: world.gemini.get_file(name).state is RemoteState.ACTIVE)
    return world.gemini.get_file(name)


def imported(world: GeminiWorld, store: str, file_name: str) -> ImportOperation:
    """A finished import."""
    name = world.gemini.import_file(store, file_name, [], None).name
    world.wait_until(lambda: world.gemini.get_operation(name).done)
    return world.gemini.get_operation(name)
