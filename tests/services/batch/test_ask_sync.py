"""A notification of the bucket sets a flag; the supervisor begins the sync in its time."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.batch.asked_sync import AskedSync, may_begin_at
from shared.domain.batch.batch import Batch, BatchStatus, Trigger
from shared.domain.batch.request import SyncRequest
from shared.domain.errors import AlreadyRunning, InvalidTask, Refused
from shared.gateways.database.records import ASKED
from shared.services.batch.ask_sync import Asked
from shared.services.batch.start import StartSync
from shared.services.events import Event
from tests.services.story import (
    HOUR,
    MINUTE,
    SECOND,
    begun,
    later,
    logged,
    play_for,
    play_out,
    synced,
    world_with,
)
from tests.world import World, rules


def told(name: str = "a.md", *, bucket: str = "library", kind: str = "OBJECT_FINALIZE") -> Any:
    """The body of a push request with a notification."""
    attributes = {
        "notificationConfig": f"projects/_/buckets/{bucket}/notificationConfigs/1",
        "eventType": kind,
        "payloadFormat": "NONE",
        "bucketId": bucket,
        "objectId": name,
        "objectGeneration": "1700000000000000",
        "eventTime": "2026-01-01T00:00:00.000000Z",
    }
    message = {"attributes": attributes, "messageId": "1", "publishTime": "2026-01-01T00:00:00Z"}
    return {"message": message, "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 1}


def is_asked(world: World) -> bool:
    flag = world.records.get(AskedSync, ASKED).record
    return flag is not None and flag.asked_at is not None


def batches(world: World) -> list[dict[str, Any]]:
    return list(world.report.batches(100))


def latest(world: World) -> Batch:
    batch_id = batches(world)[0]["batch_id"]
    return world.records.get(Batch, f"batches/{batch_id}").present


def after_pause(world: World) -> World:
    later(world, world.rules.event_pause)
    return world


# --- the flag ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["OBJECT_FINALIZE", "OBJECT_DELETE", "OBJECT_ARCHIVE", "OBJECT_METADATA_UPDATE"]
)
def test_a_change_of_any_kind_sets_the_flag_and_no_more(kind: str) -> None:
    world = after_pause(synced())
    writes, tasks = world.documents.writes, world.queues.created
    assert world.ask_sync(told(kind=kind)) is Asked.ASKED
    assert is_asked(world)
    assert world.documents.writes - writes == 1
    assert world.queues.created == tasks
    assert len(batches(world)) == 1


def test_a_burst_of_changes_costs_a_read_each_and_one_write() -> None:
    world = synced()
    reads, writes = world.documents.reads, world.documents.writes
    outcomes = [world.ask_sync(told(f"{n}.md")) for n in range(100)]
    assert outcomes == [Asked.ASKED, *[Asked.ASKED_ALREADY] * 99]
    assert (world.documents.reads - reads, world.documents.writes - writes) == (100, 1)


@pytest.mark.parametrize(
    "body",
    [
        told(bucket="another"),
        told(bucket="Library"),
        told("doc/a.md"),
        told("docs"),
        told("Docs/a.md"),
    ],
)
def test_another_bucket_and_another_prefix_are_not_ours(body: Any) -> None:
    world = World(rules=rules(prefix="docs/"))
    reads = world.documents.reads
    assert world.ask_sync(body) is Asked.NOT_OURS
    assert (is_asked(world), world.documents.reads - reads) == (False, 1)
    assert world.ask_sync(told("docs/a.md")) is Asked.ASKED


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": None},
        {"message": {"data": "e30="}},
        {"message": {"attributes": {}}},
        {"message": {"attributes": {"bucketId": "library", "objectId": "a.md"}}},
        {"message": {"attributes": {"bucketId": 1, "objectId": "a.md", "eventType": "X"}}},
        told()["message"],
    ],
)
def test_what_is_no_notification_is_dropped(body: Any) -> None:
    world = synced()
    with pytest.raises(InvalidTask, match="no notification of Cloud Storage: message"):
        world.ask_sync(body)
    assert not is_asked(world)


# --- the sync ---------------------------------------------------------------------------------


def test_the_next_call_of_the_supervisor_begins_the_sync() -> None:
    world = after_pause(synced())
    world.put({"new.md": "# new"})
    world.ask_sync(told("new.md"))

    begun_now = world.supervise()

    assert begun_now.status == BatchStatus.RUNNING
    assert not is_asked(world)
    batch = world.records.get(Batch, f"batches/{begun_now.batch_id}").present
    assert (batch.trigger, batch.dry_run) == (Trigger.SCHEDULER, False)
    assert play_out(world, batch).counts["indexed"] == 1
    play_for(world, HOUR)
    assert len(batches(world)) == 2, "one sync, however long nothing is told"


def test_the_log_says_that_an_event_asked(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world = after_pause(synced())
    world.ask_sync(told("new.md"))
    world.supervise()
    assert logged(caplog, Event.SYNC_ASKED_FOR)
    assert "asked for by an event" in caplog.text


def test_a_supervisor_that_was_paused_begins_no_sync_for_a_wish_that_was_answered() -> None:
    world = after_pause(synced())
    world.ask_sync(told("new.md"))
    wish = world.records.get(AskedSync, ASKED).present.asked_at
    world.sync()
    assert not is_asked(world)

    with pytest.raises(AlreadyRunning):
        StartSync(world.context)(SyncRequest(trigger=Trigger.SCHEDULER), asked_at=wish)


def test_a_sync_begins_no_sooner_than_the_pause_after_the_last_one() -> None:
    world = synced()
    ended = latest(world).completed_at
    assert ended is not None
    world.ask_sync(told())
    while len(batches(world)) == 1:
        world.step()
    again = latest(world).created_at
    assert again is not None
    assert timedelta(minutes=5) <= again - ended < timedelta(minutes=6)


def test_a_long_scan_makes_the_pause_longer() -> None:
    start = world_with().clock.now()
    last = Batch(
        "b",
        status=BatchStatus.COMPLETED,
        scanning_since=start,
        scanned_at=start + 20 * MINUTE,
        completed_at=start + 30 * MINUTE,
    )
    pause = 5 * MINUTE
    assert may_begin_at(start, last, pause) == start + 90 * MINUTE
    assert may_begin_at(start, last, 2 * HOUR) == start + 150 * MINUTE
    assert may_begin_at(start + 5 * HOUR, last, pause) == start + 5 * HOUR
    assert may_begin_at(start, None, pause) == start


def test_the_scan_is_timed_without_the_listing_of_the_store_before_it() -> None:
    world = synced(*(f"{n}.md" for n in range(45)))
    later(world, HOUR)

    def slowly(event: str) -> None:
        if event == "list_documents:exit":
            later(world, MINUTE)

    world.gemini.on_call = slowly
    batch = play_out(world, begun(world, mode="reconcile"))
    assert batch.started_at is not None
    assert batch.scanning_since is not None
    assert batch.scanned_at is not None
    assert batch.scanning_since - batch.started_at >= MINUTE
    assert batch.scanned_at - batch.scanning_since < MINUTE


def test_what_is_told_while_a_sync_runs_is_synced_after_it() -> None:
    world = synced()
    later(world, HOUR)
    batch = begun(world)
    world.step()
    world.ask_sync(told())
    play_out(world, batch)
    assert is_asked(world)
    play_for(world, 10 * MINUTE)
    assert len(batches(world)) == 3
    assert not is_asked(world)


def test_a_sync_that_others_start_answers_what_was_told_before_it() -> None:
    world = synced()
    world.ask_sync(told())
    later(world, SECOND)
    play_out(world, begun(world))
    play_for(world, HOUR)
    assert len(batches(world)) == 2


@pytest.mark.parametrize("request_", [{"dry_run": True}, {"prefix": "docs/"}])
def test_a_sync_that_leaves_something_out_answers_nothing(request_: dict[str, Any]) -> None:
    world = synced()
    world.ask_sync(told())
    later(world, SECOND)
    play_out(world, begun(world, **request_))
    assert is_asked(world)


def test_a_paused_batch_is_not_overtaken() -> None:
    world = synced()
    later(world, HOUR)
    batch = begun(world)
    world.control.pause(batch.batch_id)
    world.ask_sync(told())
    play_for(world, HOUR)
    assert is_asked(world)
    assert len(batches(world)) == 2


def test_two_calls_at_once_begin_one_sync() -> None:
    world = after_pause(synced())
    world.ask_sync(told())
    other: list[str] = []

    def meanwhile() -> str:
        if not other:
            other.append("")
            other.append(world.supervise().batch_id)
        return "000099"

    world.use(replace(world.context, new_id=meanwhile))
    world.supervise()
    assert len(batches(world)) == 2


def test_a_refusal_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    world = after_pause(synced())
    world.ask_sync(told())
    world.use(world.context_with(deployment="another"))
    assert world.supervise().status == "idle"
    assert "the sync that the bucket asked for was refused" in caplog.text
    assert is_asked(world)
    with pytest.raises(Refused):
        begun(world)


def test_a_flag_that_cant_be_read_counts_as_none_and_is_set_again() -> None:
    world = after_pause(synced())
    world.ask_sync(told())
    world.documents._find(ASKED).fields["asked_at"] = "yesterday"  # type: ignore[union-attr]
    assert world.supervise().status == "idle"
    assert world.ask_sync(told()) is Asked.ASKED
    assert world.supervise().status == "running"


def test_an_idle_call_reads_two_documents() -> None:
    world = after_pause(synced())
    reads = world.documents.reads
    world.supervise()
    assert world.documents.reads - reads == 2
