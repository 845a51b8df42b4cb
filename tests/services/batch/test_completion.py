"""A batch does not wait for files whose next step always fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from shared.domain.batch.batch import Batch
from shared.domain.batch.left import Left, LeftReason
from shared.domain.errors import Forbidden
from shared.domain.file.record import FileStatus
from tests.file_records import raw_name
from tests.services.story import (
    HOUR,
    MINUTE,
    PATH,
    begun,
    come_to_look,
    come_to_task,
    denied,
    in_step,
    later,
    lost,
    play_for,
    play_out,
    play_to,
    store_of,
    synced,
    throttled,
    unavailable,
    world_with,
)
from tests.world import World

OTHER = "b.md"


@contextmanager
def broken(port: object, name: str, error: Exception, of: Callable[[str], bool]) -> Iterator[None]:
    """Let calls fail whose first argument satisfies ``of``; others work."""
    works = getattr(port, name)

    def call(subject: str, *rest: Any, **more: Any) -> Any:
        if of(subject):
            raise error
        return works(subject, *rest, **more)

    with patch.object(port, name, call):
        yield


def replaced(world: World) -> None:
    world.put({PATH: "better content"})


def removed(world: World) -> None:
    world.bucket.delete(PATH)


def the_old_document(world: World) -> Callable[[str], bool]:
    old = world.file(PATH).current_document
    return lambda name: name == old


def the_new_document(world: World) -> Callable[[str], bool]:
    """The first document read that is not in the store yet."""
    there = {document.name for document in world.store_documents()}
    new: list[str] = []

    def about(name: str) -> bool:
        if name not in there and not new:
            new.append(name)
        return name in new

    return about


def the_object(_world: World) -> Callable[[str], bool]:
    return lambda name: name == PATH


BUCKET = Forbidden("bucket.stat", code=403)

ALWAYS_FAILING = pytest.mark.parametrize(
    ("change", "port", "call", "error", "about", "status"),
    [
        (replaced, "gemini", "delete_document", unavailable(), the_old_document, "importing"),
        (replaced, "gemini", "get_document", unavailable(), the_new_document, "importing"),
        (removed, "gemini", "delete_document", unavailable(), the_old_document, "deleting"),
        (removed, "bucket", "stat", BUCKET, the_object, "deleting"),
        (replaced, "bucket", "stat", BUCKET, the_object, "uploaded"),
        (replaced, "bucket", "open", Forbidden("bucket.read", code=403), the_object, "pending"),
    ],
    ids=["old document", "new document", "removal", "last look", "metadata", "content"],
)


@ALWAYS_FAILING
def test_a_batch_does_not_wait_for_what_always_fails(
    change: Callable[[World], None],
    port: str,
    call: str,
    error: Exception,
    about: Callable[[World], Callable[[str], bool]],
    status: str,
) -> None:
    world = synced(PATH, OTHER)
    with broken(getattr(world, port), call, error, about(world)):
        change(world)
        ended = play_out(world, batch := begun(world))

        assert ended.status == "deferred"
        assert f"fails each time it is tried: {PATH!r} ({error});" in ended.message
        assert ended.left == Left(1, LeftReason.FAILING)
        assert lasted(ended) < 2 * HOUR
        assert world.file(PATH).status == status

        play_for(world, HOUR)
        world.put({OTHER: "other content"})
        ended = play_out(world, batch := begun(world))  # meanwhile the rest is kept in step

        assert ended.status == "deferred"
        assert lasted(ended) < 15 * MINUTE
        assert (world.file(OTHER).status, world.file(OTHER).batch_id) == (
            FileStatus.INDEXED,
            batch.batch_id,
        )

    assert world.sync()["status"] == "completed"
    assert in_step(world)
    assert world.file(PATH).failure is None
    assert world.gemini.imports == (4 if change is replaced else 3)


def lasted(batch: Batch) -> Any:
    assert batch.created_at is not None
    assert batch.completed_at is not None
    return batch.completed_at - batch.created_at


def waiting_for_a_raw_file() -> tuple[World, Batch]:
    world = world_with()
    world.gemini.file_latency = MINUTE
    batch = begun(world)
    come_to_look(world, FileStatus.UPLOADED)
    return world, batch


def test_a_raw_file_that_cannot_be_read_is_uploaded_again_after_15_minutes() -> None:
    world, batch = waiting_for_a_raw_file()
    first = raw_name(world.file(PATH))
    asked = world.clock.now()

    with broken(world.gemini, "get_file", unavailable(), lambda name: name == first):
        play_to(world, FileStatus.PENDING)
        assert 15 * MINUTE <= world.clock.now() - asked < 30 * MINUTE
        assert play_out(world, batch).status == "completed"

    assert (world.gemini.calls["upload"], world.gemini.imports) == (2, 1)
    assert in_step(world)


def test_an_earlier_upload_that_cannot_be_read_is_replaced() -> None:
    world = world_with()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", lost(), after_effect=True)
    world.deliver(task)
    first = raw_name(world.file(PATH))

    with broken(world.gemini, "get_file", unavailable(), lambda name: name == first):
        assert play_out(world, batch).status == "completed"

    (source,) = world.gemini.sources(store_of(world)).values()
    assert source != first
    assert world.gemini.imports == 1
    assert in_step(world)


def test_a_raw_file_that_cannot_be_deleted_is_left_to_expire() -> None:
    world = world_with()
    batch = begun(world)

    with broken(world.gemini, "delete_file", unavailable(), lambda _: True):
        ended = play_out(world, batch)

    assert ended.status == "completed"
    assert lasted(ended) < 2 * HOUR
    assert in_step(world)


def test_a_raw_file_is_not_given_up_while_polls_are_throttled() -> None:
    world, batch = waiting_for_a_raw_file()
    first = raw_name(world.file(PATH))

    with broken(world.gemini, "get_file", throttled(), lambda name: name == first):
        play_for(world, HOUR)

    assert play_out(world, batch).status == "completed"
    assert world.gemini.calls["upload"] == 1


def test_a_raw_file_is_not_given_up_while_the_account_is_refused() -> None:
    world, batch = waiting_for_a_raw_file()

    with (
        broken(world.gemini, "get_file", denied(), lambda _: True),
        broken(world.gemini, "get_store", denied(), lambda _: True),
    ):
        assert play_out(world, batch).status == "failed"
        play_for(world, HOUR)
    later(world, HOUR)

    assert world.sync()["status"] == "completed"
    assert world.gemini.calls["upload"] == 1
    assert in_step(world)
