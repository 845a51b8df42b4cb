"""Worlds to look at: each is a deployment in a state that the page has to show well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.batch.batch import Batch
from shared.domain.batch.kinds import BatchPhase, BatchStatus, Trigger
from shared.domain.batch.left import Left, LeftReason
from shared.domain.batch.progress import Progress
from shared.domain.deployment.deployment import Deployment
from shared.domain.estimate.budget import BudgetState
from shared.domain.estimate.storage_reading import StorageUse
from shared.domain.file.ledger import ImportState, LedgerEntry
from shared.domain.file.record import Current, Desired, Failure, FailureKind, FileRecord, FileStatus
from shared.domain.throttle.breaker_state import BreakerState, CircuitState
from shared.domain.throttle.breaker_window import EntryOutcome, WindowEntry
from shared.domain.throttle.holds import Hold, HoldReason
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import (
    BREAKER,
    DEPLOYMENT,
    batch_path,
    file_path,
    operation_path,
    window_path,
)
from shared.gateways.ports import MAX_WRITES_PER_COMMIT, Put
from shared.services.report.report import Report
from tests.browser.hostile_names import HOSTILE
from tests.world import World, rules

HOUR = timedelta(hours=1)
STORE = "fileSearchStores/acme-library-7q2k"


def next_hour(now: datetime) -> datetime:
    """When the next sync of the scenes' deployment starts."""
    return now.replace(minute=0, second=0, microsecond=0) + HOUR


class Scene:
    """Writes records as syncs would have left them."""

    def __init__(self) -> None:
        self.world = World(rules(bucket="acme-documents", prefix="library/", deployment="prod"))
        self.now = self.world.clock.now()
        self._writes: list[Put] = []

    def put(self, path: str, record: object) -> None:
        self._writes.append(Put(path, to_fields(record)))

    def save(self) -> World:
        for start in range(0, len(self._writes), MAX_WRITES_PER_COMMIT):
            self.world.documents.commit(self._writes[start : start + MAX_WRITES_PER_COMMIT])
        return self.world

    def deployment(self) -> None:
        records, policy = self.world.records, self.world.rules.breaker
        self.world.report = Report(records, policy, next_hour)
        self.put(DEPLOYMENT, Deployment("acme-documents", "library/", "prod", STORE))

    def batch(
        self, ended: datetime, took: timedelta = timedelta(minutes=4), **changes: object
    ) -> Batch:
        began = ended - took
        batch_id = f"{began:%Y%m%d-%H%M%S}-3f9a1c"
        known = Batch(
            batch_id=batch_id,
            status=BatchStatus.COMPLETED,
            phase=BatchPhase.CLOSED,
            trigger=Trigger.SCHEDULER,
            prefix="library/",
            preset_rate=200,
            counts={
                "scanned": 18_240,
                "unchanged": 18_190,
                "skipped": 312,
                "indexed": 24,
                "deleted": 2,
            },
            requests={"metered": 48, "throttled": 0, "unmetered": 130},
            cost=0.31,
            left=Left(),
            drift=0,
            storage=StorageUse(
                reported=2_100_000_000,
                used=6_300_000_000,
                cap=100_000_000_000,
                judged_by="",
                is_assumed=True,
                cap_is_named=False,
            ),
            budget=BudgetState(
                limit=43.2,
                spent=1.92,
                currency="USD",
                max_imports=None,
                imports=0,
                files=0,
                cost=0.0,
                alone="",
            ),
            created_at=began,
            started_at=began,
            completed_at=ended,
        )
        batch = replace(known, **changes)  # type: ignore[arg-type]
        self.put(batch_path(batch.batch_id), batch)
        return batch

    def history(self, runs: int = 30, until: datetime | None = None) -> None:
        """Hourly syncs; busier by day."""
        end = until or self.now - timedelta(minutes=12)
        for number in range(runs):
            at = end - number * HOUR
            files = 3 + (at.hour * 7) % 23 + (60 if number == 17 else 0)
            counts = {
                "scanned": 18_240,
                "unchanged": 18_200,
                "skipped": 312,
                "indexed": files,
                "deleted": number % 4,
                "failed": 4 if 6 < number < 9 else 0,
            }
            status = (
                BatchStatus.COMPLETED_WITH_FAILURES if counts["failed"] else BatchStatus.COMPLETED
            )
            self.batch(
                at,
                timedelta(seconds=70 + files * 6),
                counts=counts,
                status=status,
                cost=files * 0.011,
            )

    def window(
        self, throttled: Callable[[int], bool] = lambda _: False, entries: int = 100
    ) -> None:
        for number in range(entries):
            outcome = EntryOutcome.THROTTLED if throttled(number) else EntryOutcome.SUCCESS
            at = self.now - timedelta(seconds=3 * number)
            self.put(window_path(f"e{number:04d}"), WindowEntry(at, outcome, call="import_file"))

    def file(self, path: str, status: FileStatus, **changes: object) -> None:
        desired = Desired(key="k", size=48_213, skip_reason=None)
        record = FileRecord(
            path=path, status=status, desired=desired, batch_id="20260101-000000-3f9a1c"
        )
        self.put(file_path(path), replace(record, **changes))  # type: ignore[arg-type]

    def failed(
        self, path: str, reason: str = "400 INVALID_ARGUMENT: the document is encrypted"
    ) -> None:
        kind = FailureKind.EXHAUSTED if "503" in reason else FailureKind.PERMANENT
        eligible = self.now + 20 * HOUR if kind is FailureKind.EXHAUSTED else None
        self.file(
            path, FileStatus.FAILED, failure=Failure(reason, 400, kind, self.now - HOUR, eligible)
        )


def empty() -> World:
    return Scene().save()


def in_step() -> World:
    scene = Scene()
    scene.deployment()
    scene.history()
    scene.window()
    return scene.save()


def running() -> World:
    scene = Scene()
    scene.deployment()
    scene.history(until=scene.now - HOUR)
    scene.window(lambda number: number in (12, 55))
    scene.batch(
        scene.now, timedelta(minutes=9), status=BatchStatus.RUNNING, phase=BatchPhase.WORKING,
        completed_at=None, left=None,
        progress=Progress(
            scene.now - timedelta(seconds=21),
            counts={"scanned": 18_240, "skipped": 312, "indexed": 812, "deleted": 6, "failed": 0},
            requests={"metered": 1_702, "throttled": 2, "unmetered": 4_120},
            waiting=1_240, in_progress=38, removing=0, cost=4.87, spent=6.12,
        ),
    )  # fmt: skip
    return scene.save()


def failures() -> World:
    scene = Scene()
    scene.deployment()
    scene.history(29, until=scene.now - 2 * HOUR)
    scene.window()
    counts = {"scanned": 18_240, "skipped": 312, "indexed": 21, "failed": 4}
    scene.batch(scene.now - HOUR, counts=counts, status=BatchStatus.COMPLETED_WITH_FAILURES)
    scene.failed("contracts/2026/master services agreement (signed).pdf")
    scene.failed("contracts/2026/annex b.docx", "503 after five tries: the service was unavailable")
    scene.failed("manuals/pump x-200/wiring.pdf", "the document was processed and turned FAILED")
    scene.failed(
        "minutes/2025-11-03.md", "400 INVALID_ARGUMENT: custom metadata: key 17 is too long"
    )
    for number in range(12):
        desired = Desired(skip_reason="unsupported_type", size=9_000 + number)
        scene.file(f"photos/site {number:02d}.heic", FileStatus.SKIPPED, desired=desired)
    return scene.save()


def breaker_open() -> World:
    scene = Scene()
    scene.deployment()
    scene.history(until=scene.now - HOUR)
    scene.window(lambda number: number < 18 and number % 3 != 1)
    until = scene.now + timedelta(minutes=4)
    scene.put(
        BREAKER,
        BreakerState(
            CircuitState.OPEN,
            generation=3,
            cooldown_until=until,
            hold_until=scene.now + timedelta(seconds=40),
            learned_factor=0.49,
        ),
    )
    scene.batch(
        scene.now, timedelta(minutes=52), status=BatchStatus.RUNNING, phase=BatchPhase.WORKING,
        completed_at=None, left=None,
        progress=Progress(
            scene.now - timedelta(seconds=8), counts={"scanned": 900, "indexed": 311},
            requests={"metered": 702, "throttled": 41, "unmetered": 900},
            waiting=560, in_progress=29,
        ),
    )  # fmt: skip
    return scene.save()


def on_hold() -> World:
    scene = Scene()
    scene.deployment()
    scene.history(29, until=scene.now - 2 * HOUR)
    scene.window(lambda number: number == 0)
    until = scene.now + 7 * HOUR
    hold = Hold(until, HoldReason.DAY, set_at=scene.now - HOUR)
    scene.put(BREAKER, BreakerState(hold=hold))
    scene.batch(
        scene.now - HOUR, status=BatchStatus.DEFERRED, left=Left(398, LeftReason.DAY, until),
        message="out of allowance (day) until 2026-01-01T08:01+00:00: 398 files are left",
    )  # fmt: skip
    return scene.save()


def many_files(count: int = 20_000) -> World:
    """20,000 files that need a look, and a million in the counts."""
    scene = Scene()
    scene.deployment()
    scene.history(29, until=scene.now - 2 * HOUR)
    scene.window()
    counts = {
        "scanned": 1_000_000,
        "unchanged": 979_000,
        "skipped": count // 4,
        "indexed": 1_000,
        "failed": count // 4,
    }
    left = Left(count // 2, LeftReason.BUDGET, scene.now + 5 * HOUR)
    scene.batch(
        scene.now - HOUR, counts=counts, status=BatchStatus.COMPLETED_WITH_FAILURES, left=left
    )
    skipped = Desired(skip_reason="too_large", size=140_000_000)
    for number in range(count):
        path = f"shelf {number // 250:03d}/a report with an ordinary name {number:06d}.pdf"
        if number % 4 == 0:
            scene.failed(path)
        elif number % 4 == 1:
            scene.file(path, FileStatus.SKIPPED, desired=skipped)
        else:
            scene.file(path, FileStatus.PENDING)
    return scene.save()


def hostile() -> World:
    scene = Scene()
    scene.put(DEPLOYMENT, Deployment(HOSTILE[0], HOSTILE[2], "prod", STORE))
    scene.history(3, until=scene.now - 2 * HOUR)
    scene.window()
    counts = {"scanned": 8, "failed": len(HOSTILE)}
    message = f"store and records differ: {HOSTILE[1]}\n{HOSTILE[2]}"
    scene.batch(
        scene.now - HOUR,
        counts=counts,
        prefix=HOSTILE[2],
        message=message,
        status=BatchStatus.COMPLETED_WITH_FAILURES,
    )
    for name in HOSTILE:
        scene.failed(name, f"the service said: {name}")
        entry = LedgerEntry(
            f"op-{HOSTILE.index(name)}", name, "key", "files/x", STORE, "20260101-000000-3f9a1c",
            scene.now - HOUR, scene.now + HOUR, tokens=1_200, cost=0.00018, currency="USD",
            state=ImportState.FAILED, error=f"the service said: {name}", completed_at=scene.now,
        )  # fmt: skip
        scene.put(operation_path(entry.operation_id), entry)
    return scene.save()


JOURNEY = "manuals/pump x-200/handbook.pdf"


def journey() -> World:
    """A file that was imported twice; the first time in vain."""
    scene = Scene()
    scene.deployment()
    scene.history(3)
    document = f"{STORE}/documents/handbook-8k2m"
    scene.file(
        JOURNEY,
        FileStatus.INDEXED,
        indexed_at=scene.now - HOUR,
        current=Current("k", document, "md5:0", 48_213),
    )
    for number, (state, error) in enumerate(
        ((ImportState.FAILED, "500 INTERNAL"), (ImportState.SUCCEEDED, None))
    ):
        at = scene.now - (3 - number) * HOUR
        entry = LedgerEntry(
            f"op-{number}", JOURNEY, "key", "files/x", STORE, "20260101-000000-3f9a1c", at,
            at + 90 * HOUR, tokens=12_400, cost=0.00186, currency="USD", state=state, error=error,
            document=None if error else document, completed_at=at + timedelta(seconds=41),
        )  # fmt: skip
        scene.put(operation_path(entry.operation_id), entry)
    return scene.save()


SCENES: dict[str, Callable[[], World]] = {
    "empty": empty,
    "in step": in_step,
    "running": running,
    "failures": failures,
    "breaker open": breaker_open,
    "on hold": on_hold,
    "20000 files": many_files,
    "hostile names": hostile,
}
"""Every scene, by name."""
