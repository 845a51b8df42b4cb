"""A sync of a part: whatever the prefix, exactly the names with it are scanned and removed."""

from __future__ import annotations

import pytest

from tests.services.story import SECOND, changes, world_with
from tests.world import World, rules

EDGES = ("\U0010ffff", "\U0010ffff\U0010ffff", "\ud7ff", "a\U0010ffff", "a\ud7ff\U0010ffff")
AROUND = ("{}.md", "{}\U0010ffff.md", "{}/x.md")
NAMES = (
    *(name.format(edge) for edge in EDGES for name in AROUND),
    *(f"{edge[:-1]}\ue000.md" for edge in EDGES),
    "a.md",
    "b.md",
)


def synced_with(prefix: str) -> tuple[World, list[str]]:
    world = world_with(*NAMES, given=rules(page_size=4))
    world.sync(prefix=prefix)
    return world, sorted(name for name in set(NAMES) if name.startswith(prefix))


def deploy(world: World, chunk_max_tokens: int | None) -> None:
    world.clock.advance(SECOND)
    world.use(world.context_with(chunk_max_tokens=chunk_max_tokens))


@pytest.mark.parametrize("prefix", EDGES)
def test_a_prefix_at_the_edge_of_unicode_is_synced_like_any_other(prefix: str) -> None:
    world, expected = synced_with(prefix)
    assert world.stored_paths() == expected

    for name in expected:
        world.bucket.delete(name)
    summary = world.sync(prefix=prefix, max_deletes=100)
    assert changes(summary) == {"removed": len(expected), "deleted": len(expected)}
    assert world.stored_paths() == []


@pytest.mark.parametrize("page_size", [1, 2, 3, 1000])
def test_a_sync_of_a_part_drops_every_remembered_page_that_has_names_of_it(page_size: int) -> None:
    """Pages that begin before the part, or have no end, are among them."""
    world = world_with("a.md", "b/1.md", "b/2.md", "c.md", given=rules(page_size=page_size))
    world.sync()
    before = world.rules.settings.chunk_max_tokens
    deploy(world, chunk_max_tokens=100)
    assert world.sync(prefix="b/")["metadata_changed"] == 2
    deploy(world, chunk_max_tokens=before)

    summary = world.sync()

    assert (summary["metadata_changed"], summary["unchanged"]) == (2, 2)
    assert world.gemini.imports == 8


@pytest.mark.parametrize("prefix", EDGES)
def test_records_below_a_prefix_at_the_edge_of_unicode_are_reconciled(prefix: str) -> None:
    world, expected = synced_with(prefix)
    summary = world.sync(prefix=prefix, mode="reconcile")
    assert (summary["status"], summary["unchanged"]) == ("completed", len(expected))
