"""The figures of a batch that goes on while they are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.batch.batch import BatchPhase
from shared.gateways.ports import Query
from shared.services.progress import count
from tests.services.story import batch_now, begun, play, step, world_with

if TYPE_CHECKING:
    import pytest


def test_no_file_is_counted_twice_however_files_are_moved_on_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_with(*(f"{n}.md" for n in range(30)))
    batch = begun(world)
    play(world, lambda: batch_now(world, batch).phase is BatchPhase.WORKING)
    counted = world.documents.count
    is_counting = False

    def count_and_go_on(query: Query) -> int:
        nonlocal is_counting
        found = counted(query)
        if not is_counting:
            is_counting = True  # what goes on counts too
            step(world)
            is_counting = False
        return found

    monkeypatch.setattr(world.documents, "count", count_and_go_on)
    totals = []
    while not batch_now(world, batch).status.is_terminal:
        progress = count(world.records, batch_now(world, batch), world.clock.now())
        totals.append(progress.done + progress.left)
    assert len(totals) > 2
    assert max(totals) <= 30
