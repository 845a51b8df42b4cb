"""A sync of a part: whatever the prefix, exactly the names with it are scanned and removed."""

from __future__ import annotations

import pytest

from tests.services.story import changes, world_with
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


@pytest.mark.parametrize("prefix", EDGES)
def test_a_prefix_at_the_edge_of_unicode_is_synced_like_any_other(prefix: str) -> None:
    world, expected = synced_with(prefix)
    assert world.stored_paths() == expected

    for name in expected:
        world.bucket.delete(name)
    summary = world.sync(prefix=prefix, max_deletes=100)
    assert changes(summary) == {"removed": len(expected), "deleted": len(expected)}
    assert world.stored_paths() == []


@pytest.mark.parametrize("prefix", EDGES)
def test_records_below_a_prefix_at_the_edge_of_unicode_are_reconciled(prefix: str) -> None:
    world, expected = synced_with(prefix)
    summary = world.sync(prefix=prefix, mode="reconcile")
    assert (summary["status"], summary["unchanged"]) == ("completed", len(expected))
