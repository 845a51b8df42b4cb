"""At the end of a batch, store and records are compared, with few reads if little changed."""

from __future__ import annotations

import pytest

from shared.domain.file.record import FileStatus
from tests.services.story import (
    MINUTE,
    begun,
    cancelled,
    in_step,
    play_to,
    synced,
)
from tests.world import World


@pytest.fixture
def world() -> World:
    return synced("a.md", "b.md")


def test_files_of_a_cancelled_batch_are_counted_by_the_next(world: World) -> None:
    world.put({"c.md": "new"})
    batch = begun(world)
    world.gemini.import_latency = MINUTE
    play_to(world, FileStatus.IMPORTING, "c.md")
    cancelled(world, batch)
    play_to(world, FileStatus.INDEXED, "c.md")

    assert world.sync()["message"] == ""
    assert in_step(world)


def test_a_removal_is_counted(world: World) -> None:
    world.bucket.delete("a.md")

    assert world.sync()["message"] == ""
    assert world.sync()["message"] == ""
