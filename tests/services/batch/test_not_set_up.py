"""A missing grant or index: the sync waits for it, names it, and doesn't blame Gemini."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn
from unittest import mock

import pytest

from shared.domain.batch.batch import BatchStatus
from shared.domain.errors import NotSetUp
from shared.domain.file.record import FileStatus
from tests.services.story import SECOND, batch_now, begun, later, play_out, step, synced, world_with
from tests.world import World

MISSING = NotSetUp("firestore.query", "an index is missing", code=400, status="FAILED_PRECONDITION")

STEPS = 40
"""More than a sync of two files takes."""


@contextmanager
def refusing(world: World, call: str) -> Iterator[None]:
    """Every call of this method is refused."""

    def refuse(*_: object) -> NoReturn:
        raise MISSING

    port = world.queues if call == "create" else world.documents
    with mock.patch.object(port, call, refuse):
        yield


@pytest.mark.parametrize("call", ["get_all", "query", "count", "sums", "commit", "create"])
def test_whatever_is_refused_and_whenever_the_sync_goes_on_once_it_is_there(call: str) -> None:
    for at in range(STEPS):
        world = world_with("a.md")
        batch = begun(world)
        for _ in range(at):
            step(world)
        if batch_now(world, batch).status.is_terminal:
            return
        with refusing(world, call):
            step(world)

        over = play_out(world, batch)

        assert over.status is BatchStatus.COMPLETED, (at, over.message)
        assert [file.status for file in world.files()] == [FileStatus.INDEXED]
    pytest.fail(f"a sync takes more than {STEPS} steps")


def test_the_message_of_a_batch_that_waits_names_what_is_missing() -> None:
    world = synced("a.md")
    later(world, SECOND)
    batch = begun(world)
    with refusing(world, "query"):
        step(world)

    waiting = batch_now(world, batch)

    assert waiting.status is BatchStatus.RUNNING
    assert "waits, and is tried again every minute: an index is missing" in waiting.message
    assert "Gemini" not in waiting.message
    assert play_out(world, batch).message == ""
