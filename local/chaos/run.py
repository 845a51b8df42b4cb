"""One run: syncs a library with injected faults until a batch completes."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.chaos.end_state import EndState, inspect
from local.chaos.fault_rates import TIME_SCALE, FaultRates
from local.chaos.function_killer import FunctionKiller
from local.chaos.injected_faults import InjectedFaults
from local.chaos.persistent_client import Deadline, DeadlinePassed, PersistentClient
from local.chaos.sample_files import write_library
from local.fss.deployment.http import fetched
from local.stack.local_stack import LocalStack
from local.stack.options import FirestoreKind, Quota, StackOptions
from shared.domain.throttle.tiers import tier_named

TIER = "tier3"
MOST_BATCHES = 5
"""Batches with faults; the last sync, without faults, is not counted."""

FINAL_SYNC_SECONDS = 300.0
"""Seconds for the last sync, without faults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of a run.

    Attributes:
        seconds: The time from the first start to the end of the faults.
        database: How many calls to Firestore failed by each fault; None if it can inject none.
    """

    seed: int
    seconds: float
    kills: int
    duplicates: int
    throttled: int
    unavailable: int
    replies_lost: int
    database: Mapping[str, int] | None
    metered: int
    imports: int
    batches: int
    breaker: str
    raw_files_of_lost_replies: int

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.seconds:.0f} s, {self.kills} kills, "
            f"{self.duplicates} duplicate deliveries, {self.throttled} x 429, "
            f"{self.unavailable} x 503, {self.replies_lost} replies lost, "
            f"{self._of_the_database()}, "
            f"{self.metered} metered requests, {self.imports} imports took effect, "
            f"{self.batches} batches, breaker {self.breaker}, "
            f"{self.raw_files_of_lost_replies} raw files of lost replies left"
        )

    def _of_the_database(self) -> str:
        if self.database is None:
            return "no faults of Firestore: Google's emulator can inject none"
        counts = ", ".join(f"{count} x {code}" for code, count in sorted(self.database.items()))
        return f"of Firestore {counts or 'no faults'}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's figures, and the invariants that it broke."""

    figures: Figures
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run on its own stack.

    Attributes:
        seed: The seed of the library, the faults and the kills.
        files: The number of files in the library.
        fault_rates: How often each fault happens.
        seconds: The most that the syncs with faults may take; more is a broken invariant.
        firestore: What serves Firestore.
        evidence: The folder for logs, requests and records if an invariant was broken.
        cancelled: Ends the run early when set.
    """

    seed: int
    files: int
    seconds: float
    fault_rates: FaultRates = field(default_factory=FaultRates)
    firestore: FirestoreKind = FirestoreKind.EMBEDDED
    evidence: Path | None = None
    cancelled: threading.Event | None = None

    def __call__(self) -> Outcome:
        """Run, and return the outcome.

        Raises:
            CouldNotRun: A part of the stack could not be started.
            KeyboardInterrupt: The run was cancelled.
        """
        options = StackOptions(
            tier=tier_named(TIER),
            time_scale=TIME_SCALE,
            quota=Quota.EXACT,
            seed=self.seed,
            firestore=self.firestore,
            faults=self.fault_rates.gemini_faults(),
        )
        with (
            tempfile.TemporaryDirectory(prefix="fss-chaos-") as folder,
            LocalStack(options) as stack,
        ):
            library = write_library(Path(folder), self.files, self.seed)
            stack.mirror(Path(folder))
            return self._with_faults(stack, library)

    def _with_faults(self, stack: LocalStack, library: Mapping[str, str]) -> Outcome:
        faults = InjectedFaults(stack, self.fault_rates, self.seed)
        batches: list[dict[str, Any]] = []
        missed_deadlines: list[str] = []
        began = time.monotonic()
        kill_every = self.fault_rates.kill_every
        with faults, FunctionKiller(stack, every=kill_every, seed=self.seed) as killer:

            def check() -> None:
                killer.check()
                faults.watch()

            try:
                self._sync_until_complete(stack, batches, check)
            except DeadlinePassed as late:
                missed_deadlines.append(str(late))
        seconds, with_faults = time.monotonic() - began, len(batches)
        client = PersistentClient(stack, Deadline(FINAL_SYNC_SECONDS, self.cancelled))
        try:
            batches.append(client.sync())
        except DeadlinePassed as late:
            missed_deadlines.append(str(late))
        end_state = inspect(stack, library, batches, faults.lost_uploads())
        broken = (*missed_deadlines, *end_state.broken())
        if broken and self.evidence is not None:
            _leave(self.evidence / f"seed-{self.seed}", stack, faults.requests, end_state)
        figures = self._figures(seconds, with_faults, killer, faults, end_state)
        return Outcome(figures, broken)

    def _figures(
        self,
        seconds: float,
        batches: int,
        killer: FunctionKiller,
        faults: InjectedFaults,
        end_state: EndState,
    ) -> Figures:
        stats = faults.stats
        return Figures(
            seed=self.seed,
            seconds=seconds,
            kills=killer.kills.total(),
            duplicates=faults.duplicates(),
            throttled=stats["by_status"].get("429", 0),
            unavailable=stats["by_status"].get("503", 0),
            replies_lost=stats["faults"].get("reply_lost", 0),
            database=faults.of_the_database,
            metered=stats["requests"]["metered"],
            imports=stats["imports_total"],
            batches=batches,
            breaker=end_state.circuit,
            raw_files_of_lost_replies=len(end_state.raw_files_of_lost_replies),
        )

    def _sync_until_complete(
        self, stack: LocalStack, batches: list[dict[str, Any]], check: Callable[[], None]
    ) -> None:
        """Append batches to `batches` until one completes. Raises `DeadlinePassed`."""
        client = PersistentClient(stack, Deadline(self.seconds, self.cancelled))
        while len(batches) < MOST_BATCHES and not _is_complete(batches):
            # Files whose attempts ran out because of the faults are tried again.
            batch_id = client.start(mode="retry_failed" if batches else "incremental")
            batches.append(client.follow(batch_id, check))


def _is_complete(batches: Sequence[Mapping[str, Any]]) -> bool:
    return bool(batches) and batches[-1]["status"] == "completed"


def _leave(
    folder: Path, stack: LocalStack, requests: Sequence[object], end_state: EndState
) -> None:
    """Save what helps to find out why an invariant was broken."""
    shutil.copytree(stack.logs, folder / "logs", dirs_exist_ok=True)
    urls = stack.urls
    parts = {
        "requests": requests,
        "records": end_state.records,
        "batches": end_state.batches,
        "documents": fetched(f"{urls.gemini}/_sim/documents")["documents"],
        "dispatches": fetched(f"{urls.cloud_tasks_admin}/dispatches")["dispatches"],
    }
    for name, part in parts.items():
        text = json.dumps(part, indent=1, ensure_ascii=False, default=str)  # times
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
