"""Shared helpers of these tests: faults, ready worlds, and running a world until a condition holds.

A ``Crash`` simulates the death of a process: nothing catches it, and its task isn't acknowledged.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.domain.batch.batch import Batch
from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.rules import Rules
from shared.domain.errors import (
    BadRequest,
    Forbidden,
    OutcomeUnknown,
    QuotaKind,
    SyncError,
    Throttled,
    Unavailable,
)
from shared.domain.file import ledger
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileStatus
from shared.domain.metadata.metadata import MetadataEntry
from shared.domain.throttle.breaker_state import BreakerState, CircuitState
from shared.domain.throttle.breaker_window import WindowEntry
from shared.gateways.database.records import BREAKER, batch_path
from shared.gateways.ports import Query, Task
from shared.services.context import LOOKS_PATH
from shared.services.events import Event
from shared.services.source.inspection import inspect_one
from tests.file_records import raw_name
from tests.world import World, rules

if TYPE_CHECKING:
    import pytest

PATH = "a.md"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Crash(Exception):
    """The simulated process died."""


def throttled(
    *, retry_after: timedelta | None = None, quota: QuotaKind = QuotaKind.RATE
) -> Throttled:
    return Throttled("gemini.call", retry_after=retry_after, quota=quota)


def lost() -> OutcomeUnknown:
    return OutcomeUnknown("gemini.call")


def unavailable() -> Unavailable:
    return Unavailable("gemini.call", code=503)


def invalid() -> BadRequest:
    return BadRequest("gemini.call", code=400, status="INVALID_ARGUMENT")


def denied() -> Forbidden:
    return Forbidden("gemini.call", code=403)


# --- worlds -----------------------------------------------------------------------------------


def world_with(*paths: str, given: Rules | None = None) -> World:
    """A world whose bucket holds these files (one by default), each with its own content."""
    world = World(given or rules())
    world.put({path: f"content of {path}" for path in paths or (PATH,)})
    return world


def synced(*paths: str, given: Rules | None = None) -> World:
    world = world_with(*paths, given=given)
    world.sync()
    return world


def begun(world: World, **request: Any) -> Batch:
    return world.start(SyncRequest(**request))


def store_of(world: World) -> str:
    """The only store's name."""
    (store,) = world.gemini.list_stores().stores
    return store.name


def plant(world: World, store: str, path: str, *, owner: str = "", key: str = "") -> str:
    """Put a document of a path into a store without the deployment; returns its name.

    Unless told otherwise it is as the deployment itself would have made it.
    """
    wanted = inspect_one(world.context, path)
    content = f"planted {path}".encode()
    digest = wanted.content_hash if wanted else "md5:" + "0" * 32
    metadata = {
        "path": world.rules.settings.relative(path),
        "content_hash": digest,
        "content_key": key or (wanted.key if wanted else f"key of {path}"),
        "owner": owner or world.rules.settings.owner,
    }
    there = {document.name for document in world.store_documents()}
    planted = sum(world.gemini.calls.values())
    raw = world.gemini.upload(
        f"planted-{planted}",
        io.BytesIO(content),
        size=len(content),
        media_type="text/plain",
        display_name=path,
    )
    entries = [MetadataEntry(name, value) for name, value in metadata.items()]
    world.gemini.import_file(store, raw.name, entries, None)
    world.gemini.delete_file(raw.name)
    (new,) = {document.name for document in world.store_documents()} - there
    return new


# --- playing ----------------------------------------------------------------------------------


def step(world: World) -> None:
    """Let the next event happen; a task whose handler fails is retried in ten seconds."""
    tick = world._next_tick
    try:
        world.step()
    except (SyncError, Crash):
        if world._next_tick == tick:
            now = world.clock.now()
            world.queues.retry_later(world.queues.due(now)[0], now + 10 * SECOND)


def play(world: World, until: Callable[[], object], *, steps: int = 3000) -> None:
    """Play until a condition holds."""
    for _ in range(steps):
        if until():
            return
        step(world)
    raise AssertionError(f"it never came to that: {[(f.path, f.status) for f in world.files()]}")


def play_to(world: World, status: FileStatus, path: str = PATH) -> None:
    """Play until a file has a status."""
    play(world, lambda: status in [f.status for f in world.files() if f.path == path])


def play_out(world: World, batch: Batch) -> Batch:
    """Play until the batch is over, even if handlers raise errors."""
    play(world, lambda: batch_now(world, batch).status.is_terminal, steps=20_000)
    return batch_now(world, batch)


def play_for(world: World, time: timedelta) -> None:
    """Play for a time."""
    end = world.clock.now() + time
    play(world, lambda: world.clock.now() >= end, steps=20_000)


def later(world: World, time: timedelta) -> None:
    """Advance the clock without playing the Scheduler calls in between."""
    world._next_tick = max(world._next_tick, world.clock.advance(time))


def cancelled(world: World, batch: Batch) -> None:
    """Cancel the batch; the next one starts a second later at the earliest."""
    world.control.cancel(batch.batch_id)
    world.clock.advance(SECOND)


def task_of(world: World, path: str = PATH) -> Task:
    """The waiting task of a file."""
    found = [task for task in world.queues.waiting if task.payload.get("path") == path]
    assert len(found) == 1, found
    return found[0]


def deliver_at_its_time(world: World, task: Task) -> None:
    if task.at is not None and task.at > world.clock.now():
        world.clock.set(task.at)
    world.deliver(task)


def come_to_task(world: World, status: FileStatus, queue: str, path: str = PATH) -> Task:
    """Play until the file has a status and a task in the queue; returns the task when it is due."""

    def there() -> bool:
        return any(
            task.payload.get("path") == path and task.queue == queue
            for task in world.queues.waiting
        ) and (world.file(path).status is status)

    play(world, there)
    task = task_of(world, path)
    if task.at is not None and task.at > world.clock.now():
        world.clock.set(task.at)
    return task


def come_to_look(world: World, status: FileStatus, path: str = PATH) -> Task:
    """Play until a file with this status waits for a look; returns the poller's task, now due."""

    def there() -> bool:
        found = [file for file in world.files() if file.path == path]
        return any(f.status is status and f.schedule.look_at for f in found) and bool(runs(world))

    play(world, there)
    look_at = world.file(path).schedule.look_at
    assert look_at is not None
    task = next(task for task in runs(world) if (task.at or look_at) >= look_at)
    world.clock.set(max(task.at or look_at, world.clock.now()))
    return task


def runs(world: World) -> list[Task]:
    """The poller's tasks that wait, in the order of their times."""
    waiting = [task for task in world.queues.waiting if task.path == LOOKS_PATH]
    return sorted(waiting, key=lambda task: task.at or world.clock.now())


def spoil(world: World, **changes: object) -> None:
    """Change fields of the service's answer about the raw file of ``PATH``."""
    name = raw_name(world.file(PATH))
    kept = world.gemini._files[name]
    reply = replace(kept.reply, **changes)  # type: ignore[arg-type]  # field names
    never = world.clock.now() + 48 * HOUR
    world.gemini._files[name] = replace(kept, reply=reply, ready_at=never)


# --- looking ----------------------------------------------------------------------------------


def batch_now(world: World, batch: Batch) -> Batch:
    return world.records.get(Batch, batch_path(batch.batch_id)).present


def breaker_now(world: World) -> BreakerState:
    return world.records.get(BreakerState, BREAKER).record or BreakerState()


def set_breaker(world: World, **changes: Any) -> BreakerState:
    """Change fields of the breaker's record."""
    return world.records.change(
        BreakerState, BREAKER, lambda stored: replace(stored.record or BreakerState(), **changes)
    ).present


def half_open(world: World) -> BreakerState:
    return set_breaker(world, state=CircuitState.HALF_OPEN, generation=2)


def entries(world: World) -> list[WindowEntry]:
    """The breaker's window, oldest first: also what stands in the records of files."""
    query = Query("breaker/state/window", order_by=("at",))
    found = [stored.present for stored in world.records.query(WindowEntry, query)]
    for file in world.files():
        for call, success in (
            ("files.upload", file.upload_accepted),
            ("import_file", file.import_accepted),
        ):
            if success:
                found.append(WindowEntry(success.at, generation=success.generation, call=call))
    return sorted(found, key=lambda entry: entry.at)


def throttled_calls(world: World) -> list[str]:
    return [entry.call for entry in entries(world) if entry.throttled]


def operations(world: World) -> list[LedgerEntry]:
    """The imports, as the ledger and the files' records tell of them."""
    found = world.records.query(LedgerEntry, Query("operations"))
    records = {file.path: file for file in world.files()}
    entries = [ledger.known(each.present, records.get(each.present.path)) for each in found]
    return sorted(entries, key=lambda entry: entry.operation_id)


def contents(world: World) -> dict[str, str]:
    """Content hash by path of all documents in all stores; fails if two share a path."""
    documents = world.store_documents()
    found = {str(d.metadata["path"]): str(d.metadata["content_hash"]) for d in documents}
    assert len(found) == len(documents), [d.metadata["path"] for d in documents]
    return found


def wanted(world: World) -> dict[str, str]:
    """Content hash by path of all objects in the bucket."""
    objects = world.bucket.list_objects(prefix="", limit=len(world.bucket))
    return {info.name: info.content_hash for info in objects}


def logged(caplog: pytest.LogCaptureFixture, event: Event) -> list[dict[str, Any]]:
    """The fields of each time that the event was logged."""
    told: list[dict[str, Any]] = [vars(record).get("fields", {}) for record in caplog.records]
    return [fields for fields in told if fields.get("event") == event]


def in_step(world: World) -> bool:
    """Whether store, records and bucket agree, and the store holds nothing else."""
    records = {f.path: f.current_document for f in world.files() if f.current_document}
    documents = {str(d.metadata["path"]): d.name for d in world.store_documents()}
    return contents(world) == wanted(world) and records == documents


def changes(summary: Mapping[str, Any]) -> dict[str, int]:
    """The summary's figures that are not zero."""
    names = [
        "scanned",
        "new",
        "changed",
        "metadata_changed",
        "removed",
        "unchanged",
        "skipped",
        "indexed",
        "deleted",
        "failed",
    ]
    return {name: summary[name] for name in names if summary[name]}
