"""Uploading a file, from PENDING to an ACTIVE raw file, with every possible interruption."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta

import pytest

from shared.domain.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    NameTaken,
    OutcomeUnknown,
    Unavailable,
)
from shared.domain.file.record import (
    FailureKind,
    FileRecord,
    FileStatus,
    RawFile,
    Requests,
    Schedule,
    Slot,
    Tries,
)
from shared.gateways.database.records import file_path
from shared.gateways.ports import RemoteState
from shared.services.worker.advance_file import Outcome
from tests.file_records import raw_name, wanting
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    PATH,
    SECOND,
    Crash,
    batch_now,
    begun,
    breaker_now,
    cancelled,
    come_to_look,
    come_to_task,
    contents,
    deliver_at_its_time,
    denied,
    entries,
    half_open,
    in_step,
    later,
    lost,
    play,
    play_for,
    play_out,
    play_to,
    spoil,
    synced,
    task_of,
    throttled,
    throttled_calls,
    unavailable,
    wanted,
    world_with,
)
from tests.world import World


def planned_generation(world: World) -> int:
    """The breaker's generation under which the file's task was planned; -1 without one."""
    mine = [task for task in world.queues.waiting if task.payload.get("path") == PATH]
    return int(mine[0].payload["generation"]) if mine else -1


def test_an_upload_counts_its_attempt_and_waits_for_an_import_slot() -> None:
    world = world_with()
    begun(world)
    deliver_at_its_time(world, come_to_task(world, FileStatus.PENDING, "uploads"))

    file = world.file(PATH)
    now = world.clock.now()
    assert file.status is FileStatus.UPLOADED
    assert file.raw_file == RawFile(
        raw_name(file), is_active=False, expires_at=now + 48 * HOUR, uploaded_at=now
    )
    ready_at = now + world.rules.file.raw_look_first
    assert file.schedule == Schedule(file.schedule.seq, slot=Slot.IMPORT, ready_at=ready_at)
    assert file.tries == Tries(attempts=1)
    assert (file.requests.metered, file.requests.throttled) == (1, 0)
    assert file.claim is None
    assert [entry.call for entry in entries(world)] == ["files.upload"]


def test_the_bytes_that_arrive_are_the_objects() -> None:
    world = world_with()
    begun(world)
    play_to(world, FileStatus.UPLOADED)

    remote = world.gemini.get_file(raw_name(world.file(PATH)))
    assert remote.size == 15
    assert remote.sha256 == hashlib.sha256(b"content of a.md").hexdigest()


def test_after_a_crash_the_guard_task_uploads_when_the_claim_expires() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    began = world.clock.now()
    world.gemini.fail_next("upload", Crash())
    with pytest.raises(Crash):
        world.deliver(task)
    claim = world.file(PATH).claim
    assert claim is not None

    world.clock.advance(10 * SECOND)
    assert world.advance(task.payload) is Outcome.BUSY
    world.queues.acknowledge(task)

    guard = task_of(world)
    assert guard.at == began + timedelta(seconds=660)
    assert world.file(PATH).claim == claim
    deliver_at_its_time(world, guard)
    file = world.file(PATH)
    assert (file.status, file.tries.attempts) == (FileStatus.UPLOADED, 2)
    play_out(world, batch)
    assert in_step(world)


def test_a_second_redelivery_during_a_claim_makes_no_second_guard_task() -> None:
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", Crash())
    with pytest.raises(Crash):
        world.deliver(task)

    assert [world.advance(task.payload) for _ in range(3)] == [Outcome.BUSY] * 3

    mine = [t for t in world.queues.waiting if t.payload.get("path") == PATH]
    assert len(mine) == 2  # the task itself, not acknowledged, and one guard


def test_a_redelivery_while_the_upload_runs_sends_nothing() -> None:
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    outcomes: list[Outcome] = []

    def again(call: str) -> None:
        if call == "upload:enter" and not outcomes:
            outcomes.append(world.advance(task.payload))

    world.gemini.on_call = again
    world.deliver(task)

    assert outcomes == [Outcome.BUSY]
    assert world.gemini.calls["upload"] == 1


def test_an_upload_whose_process_died_after_it_is_adopted_by_name_and_not_sent_again() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", Crash(), after_effect=True)
    with pytest.raises(Crash):
        world.deliver(task)

    world.clock.advance(timedelta(seconds=660))
    world.deliver(task)

    assert world.file(PATH).status is FileStatus.UPLOADED
    assert world.gemini.calls["upload"] == 1
    play_out(world, batch)
    assert world.gemini.imports == 1
    assert in_step(world)


def test_an_upload_whose_reply_was_lost_leaves_one_raw_file_and_one_document() -> None:
    world = world_with()
    world.gemini.fail_next("upload", lost(), after_effect=True)

    summary = world.sync()

    assert summary["status"] == "completed"
    assert len(world.gemini._files) == 0  # the one there was has been deleted
    assert world.file(PATH).upload_epoch == 0
    assert world.gemini.imports == 1
    assert in_step(world)


def test_an_upload_found_by_name_is_used_only_if_its_bytes_are_equal() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", Crash())
    with pytest.raises(Crash):
        world.deliver(task)
    name = raw_name(world.file(PATH))
    other = io.BytesIO(b"CONTENT OF A.MD")  # of the same length
    world.gemini.upload(
        name.removeprefix("files/"), other, size=15, media_type="text/plain", display_name=""
    )

    world.clock.advance(timedelta(seconds=660))
    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.upload_epoch) == (FileStatus.PENDING, 1)
    assert file.schedule.slot is Slot.UPLOAD
    play_out(world, batch)
    assert contents(world) == wanted(world)


@pytest.mark.parametrize("why", ["failed", "expiring"])
def test_a_name_taken_by_an_unusable_raw_file_moves_on_to_the_next_epoch(why: str) -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", lost(), after_effect=True)
    world.deliver(task)
    if why == "expiring":
        spoil(world, expires_at=world.clock.now() + 2 * HOUR)
    else:
        spoil(world, state=RemoteState.FAILED)

    play(world, lambda: world.file(PATH).upload_epoch == 1)

    assert play_out(world, batch).status == "completed"
    assert contents(world) == wanted(world)


def test_a_name_taken_by_somebody_else_moves_on_to_the_next_epoch() -> None:
    world = world_with()
    world.gemini.fail_next("upload", NameTaken("files.upload", code=409))

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.calls["upload"] == 2
    assert in_step(world)


# --- the object changes -----------------------------------------------------------------------


def test_an_object_replaced_before_its_upload_is_uploaded_as_it_is_now() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.put({PATH: "other content"})

    world.deliver(task)

    assert world.gemini.calls["upload"] == 0
    play_out(world, batch)
    assert contents(world) == wanted(world)
    assert world.gemini.imports == 1


def test_an_object_that_is_back_as_it_was_indexed_is_not_uploaded() -> None:
    world = synced()
    world.put({PATH: "other content"})
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    uploads = world.gemini.calls["upload"]
    indexed = world.file(PATH).current_key
    assert indexed is not None
    world.records.change(
        FileRecord, file_path(PATH), lambda stored: wanting(stored.present, indexed)
    )

    world.deliver(task)

    assert world.file(PATH).status is FileStatus.INDEXED
    assert world.gemini.calls["upload"] == uploads
    assert play_out(world, batch).status == "completed"


def test_an_object_removed_before_its_upload_leaves_nothing_behind() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.bucket.delete(PATH)

    world.deliver(task)

    assert world.file(PATH).status is FileStatus.DELETED
    assert play_out(world, batch).status == "completed"
    assert world.gemini.metered == 0
    assert in_step(world)


def test_an_object_emptied_before_its_upload_is_skipped() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.put({PATH: ""})

    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.skip_reason) == (FileStatus.SKIPPED, "empty")
    assert play_out(world, batch).status == "completed"


def test_an_object_rewritten_with_the_same_bytes_is_uploaded_once() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.put({PATH: f"content of {PATH}"})  # another generation

    world.deliver(task)

    play_out(world, batch)
    assert (world.gemini.calls["upload"], world.gemini.imports) == (1, 1)
    assert in_step(world)


# --- waiting for ACTIVE -----------------------------------------------------------------------


def test_a_raw_file_that_is_slow_is_looked_at_by_the_poller() -> None:
    world = world_with()
    world.gemini.file_latency = 30 * SECOND
    batch = begun(world)
    task = come_to_look(world, FileStatus.UPLOADED)

    raw_file = world.file(PATH).raw_file
    assert raw_file is not None
    assert not raw_file.is_active
    assert (task.queue, task.at) == ("polls", world.clock.now())
    assert play_out(world, batch).status == "completed"
    assert world.gemini.metered == 2


def test_a_raw_file_that_fails_is_uploaded_again_under_a_new_name() -> None:
    world = world_with()
    world.gemini.file_latency = HOUR
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    world.gemini.file_latency = timedelta()
    spoil(world, state=RemoteState.FAILED)

    assert play_out(world, batch).status == "completed"
    assert in_step(world)


def test_a_raw_file_that_never_becomes_active_is_given_up_after_fifteen_minutes() -> None:
    world = world_with()
    world.gemini.file_latency = 47 * HOUR
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    began = world.clock.now()

    play_to(world, FileStatus.PENDING)

    assert 15 * MINUTE <= world.clock.now() - began <= 17 * MINUTE
    closed = play_out(world, batch)
    assert closed.status == "completed_with_failures"
    file = world.file(PATH)
    assert (file.status, file.failed_kind) == (FileStatus.FAILED, FailureKind.EXHAUSTED)
    assert file.tries.attempts == 5


def test_a_raw_file_gone_while_waiting_for_active_is_uploaded_again() -> None:
    world = world_with()
    world.gemini.file_latency = MINUTE
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    world.gemini.delete_file(raw_name(world.file(PATH)))

    play(world, lambda: world.file(PATH).upload_epoch == 1)

    assert play_out(world, batch).status == "completed"
    assert in_step(world)


# --- errors -----------------------------------------------------------------------------------


def test_a_429_on_an_upload_gives_the_attempt_back_and_does_not_mark_the_file() -> None:
    """The earlier system marked the file failed."""
    world = world_with()
    begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", throttled())

    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.schedule.slot) == (FileStatus.PENDING, Slot.UPLOAD)
    assert (file.tries, file.failure) == (Tries(attempts=0), None)
    assert file.requests == Requests(metered=1, throttled=1)
    assert throttled_calls(world) == ["gemini.call"]


def test_the_pump_waits_for_the_retry_after_of_a_429() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", throttled(retry_after=90 * SECOND))
    world.deliver(task)
    refused = world.clock.now()

    play(world, lambda: world.gemini.calls["upload"] == 2)

    assert 90 * SECOND <= world.clock.now() - refused <= 90 * SECOND + MINUTE + SECOND
    assert play_out(world, batch).status == "completed"


def test_five_errors_exhaust_a_file_and_backoffs_grow_between_them() -> None:
    world = world_with("a.md", "b.md")
    batch = begun(world)
    times = []

    def note(call: str) -> None:
        if call == "upload:enter":
            times.append(world.clock.now())
            raise OutcomeUnknown("files.upload")

    world.gemini.on_call = note
    closed = play_out(world, batch)

    assert closed.status == "completed_with_failures"
    file = world.file(PATH)
    assert (file.status, file.failed_kind) == (FileStatus.FAILED, FailureKind.EXHAUSTED)
    assert file.tries.attempts == 5
    assert file.failure is not None
    assert file.failure.at is not None
    assert file.failure.eligible_at == file.failure.at + DAY
    assert len(times) == 10


def test_an_upload_that_kills_its_process_every_time_is_given_up_in_the_end() -> None:
    world = world_with()
    batch = begun(world)

    def die(call: str) -> None:
        if call == "upload:enter":
            raise Crash

    world.gemini.on_call = die
    play_for(world, 3 * HOUR)

    assert world.gemini.calls["upload"] == 5
    file = world.file(PATH)
    assert (file.status, file.failed_kind) == (FileStatus.FAILED, FailureKind.EXHAUSTED)
    assert play_out(world, batch).status == "completed_with_failures"


def test_a_refused_upload_counts_against_the_file_if_the_store_can_be_read() -> None:
    world = world_with("a.md", "b.md")
    world.gemini.fail_next(
        "upload", BadRequest("files.upload", code=400, status="INVALID_ARGUMENT")
    )

    summary = world.sync()

    assert summary["status"] == "completed_with_failures"
    (failure,) = summary["failures"]
    assert (failure["kind"], failure["attempts"]) == ("permanent", 1)
    assert (summary["indexed"], summary["failed"]) == (1, 1)


def test_a_403_on_an_upload_is_tried_again_if_the_store_can_be_read() -> None:
    world = world_with()
    world.gemini.fail_next("upload", denied())

    summary = world.sync()

    assert summary["status"] == "completed"
    assert world.gemini.calls["upload"] == 2


@pytest.mark.parametrize("error", [Unavailable, Forbidden])
@pytest.mark.parametrize("when", ["at first", "in the middle"])
def test_an_unreadable_bucket_counts_against_neither_file_nor_gemini(
    when: str, error: type[GatewayError]
) -> None:
    world = world_with("a.md", "b.md", "c.md")
    opened = world.bucket.open
    failing = [True]

    class Breaking(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise error("bucket.read", code=403)

    def unreadable(name: str, generation: int) -> object:
        if not failing:
            return opened(name, generation)
        if when == "at first":
            raise error("bucket.read", code=403)
        return Breaking(b"some")

    world.bucket.open = unreadable  # type: ignore[method-assign,assignment]  # this world only
    batch = begun(world)
    play_for(world, 3 * HOUR)

    files = world.files()
    assert {(file.status, file.tries.attempts) for file in files} == {(FileStatus.PENDING, 0)}
    failure = world.file(PATH).failure
    assert failure is not None
    assert failure.reason.startswith("bucket.read: 403")
    assert (breaker_now(world).state, breaker_now(world).generation) == ("closed", 0)
    ended = batch_now(world, batch)
    assert ended.status == "deferred"  # so that later syncs find changes and deletions
    assert "(bucket.read: 403) and 2 more" in ended.message
    failing.clear()

    assert world.sync()["status"] == "completed"
    assert in_step(world)


def test_a_5xx_on_an_upload_is_an_attempt_and_is_tried_again_after_a_backoff() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", unavailable())

    world.deliver(task)

    file = world.file(PATH)
    assert (file.status, file.tries.attempts) == (FileStatus.PENDING, 1)
    assert file.failure is not None
    assert file.failure.code == 503
    assert file.schedule.ready_at == world.clock.now() + 7.5 * SECOND  # 10 s x (0.5 + 0.5 / 2)
    assert play_out(world, batch).status == "completed"


# --- probes -----------------------------------------------------------------------------------


def test_a_probe_spent_on_a_replaced_object_gives_its_permit_back() -> None:
    world = world_with()
    begun(world)
    come_to_task(world, FileStatus.PENDING, "uploads")
    half_open(world)
    play(world, lambda: planned_generation(world) == 2)
    world.put({PATH: "other content"})

    deliver_at_its_time(world, task_of(world))

    assert world.gemini.calls["upload"] == 0
    assert breaker_now(world).permits == {}


def test_an_upload_found_by_name_is_no_successful_probe() -> None:
    world = world_with()
    begun(world)
    come_to_task(world, FileStatus.PENDING, "uploads")
    half_open(world)
    play(world, lambda: planned_generation(world) == 2)
    task = task_of(world)
    world.gemini.fail_next("upload", Crash(), after_effect=True)
    with pytest.raises(Crash):
        deliver_at_its_time(world, task)

    world.clock.advance(timedelta(seconds=660))
    world.deliver(task)

    assert world.file(PATH).status is FileStatus.UPLOADED
    state = breaker_now(world)
    assert (state.probe_successes, state.permits) == (0, {})


def test_a_raw_file_that_waited_too_long_for_its_import_counts_no_attempt() -> None:
    world = world_with("a.md")
    for _ in range(7):
        batch = begun(world)
        play_to(world, FileStatus.UPLOADED)
        cancelled(world, batch)
        later(world, 3 * DAY)
        assert world.file("a.md").tries.attempts == 1

    assert play_out(world, begun(world)).status == "completed"
    assert (world.gemini.imports, in_step(world)) == (1, True)
