"""Calls of a world's ports take time, on its virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar, cast

from shared.domain.errors import SyncError
from shared.gateways.at_once import MOST_AT_ONCE
from shared.gateways.database.records import Records
from tests.benchmarks.quota.service import GET, IMPORT_CALL, RAW_FILE, REFUSED, UPLOAD
from tests.rated_world import RatedWorld
from tests.simulation.faults.faulty_ports import Call, GatedPort
from tests.twins.at_once import one_by_one

T = TypeVar("T")

IMPORT = 8.0
"""Seconds from the call to the document."""


@dataclass(frozen=True, slots=True)
class Named:
    """How long each call takes, in seconds."""

    firestore: float = 0.015
    tasks: float = 0.02
    bucket: float = 0.05
    gemini: dict[str, float] = field(
        default_factory=lambda: {"upload": UPLOAD, "import_file": IMPORT_CALL}
    )

    def of(self, call: Call) -> float:
        match call.port:
            case "documents":
                return self.firestore
            case "queues":
                return self.tasks
            case "bucket":
                return self.bucket
        return self.gemini.get(call.name, GET)


class Latencies:
    """Lets each call of a world's ports take its time; a call takes effect when it is made.

    Args:
        rated: The world, whose raw files and imports take time from now on.
        import_seconds: How long an import takes.
        named: How long calls take.
    """

    def __init__(
        self, rated: RatedWorld, import_seconds: float = IMPORT, named: Named | None = None
    ) -> None:
        self._rated = rated
        self._named = named or Named()
        self._at_once: float | None = None
        world = rated.world
        world.gemini.file_latency = timedelta(seconds=RAW_FILE)
        world.gemini.import_latency = timedelta(seconds=import_seconds)
        world.use(
            replace(
                world.context,
                records=Records(self._gated("documents", world.documents), world.clock),
                bucket=self._gated("bucket", world.bucket),
                gemini=self._gated("gemini", world.gemini),
                queues=self._gated("queues", world.queues),
                at_once=self.at_once,
            )
        )

    def _gated(self, port: str, twin: object) -> Any:
        return cast("Any", GatedPort(port, twin, self))

    def __call__(self, call: Call, effect: Callable[[], T]) -> T:
        """Make a call, and let it take its time."""
        seconds = self._named.of(call)
        try:
            return effect()
        except SyncError:
            seconds = min(seconds, REFUSED)
            raise
        finally:
            if self._at_once is None:
                self._rated.stage.sleep(seconds)
            else:
                self._at_once += seconds

    def at_once(self, calls: Sequence[Callable[[], T]], within: timedelta) -> list[T | Exception]:
        """``AtOnce``: the calls of as many threads as there are overlap; none is too slow here."""
        answers: list[T | Exception] = []
        took: list[float] = []
        for call in calls:
            self._at_once = 0.0
            answers += one_by_one([call], within)
            took.append(self._at_once)
        self._at_once = None
        groups = range(0, len(took), MOST_AT_ONCE)
        self._rated.stage.sleep(sum(max(took[n : n + MOST_AT_ONCE]) for n in groups))
        return answers
