"""The names of what a dry run would change."""

from __future__ import annotations

import pytest

from shared.domain.errors import InvalidRequest
from shared.domain.estimate import preview
from tests.services.story import DAY, later, world_with
from tests.world import World, rules


def changes(world: World, batch_id: str) -> list[tuple[str, str]]:
    """All changes of a dry run, page by page."""
    found, token = [], ""
    while True:
        page = world.report.changes(batch_id, token)
        assert page is not None
        found += [(each["change"], each["path"]) for each in page["changes"]]
        token = page["next_page_token"]
        if not token:
            return found


def test_every_name_that_a_sync_would_import_or_remove_is_listed_page_by_page() -> None:
    world = World(rules(page_size=3))
    world.put({f"{n}.md": f"{n}" for n in range(8)})
    world.sync()
    later(world, DAY)
    world.bucket.delete("1.md")
    world.put({"2.md": "other", "3.md.meta.json": '{"a": 1}', "9.md": "new", "empty.md": ""})

    dry = world.sync(dry_run=True)

    assert sorted(changes(world, dry["batch_id"])) == [
        ("changed", "2.md"),
        ("metadata_changed", "3.md"),
        ("new", "9.md"),
        ("removed", "1.md"),
    ]


def test_a_sync_that_is_no_dry_run_keeps_no_names() -> None:
    world = world_with("a.md")
    assert changes(world, world.sync()["batch_id"]) == []


def test_names_without_room_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "MOST_BYTES", 9)
    world = world_with("a.md", "b.md", "c.md")
    page = world.report.changes(world.sync(dry_run=True)["batch_id"], "")
    assert page is not None
    assert [each["path"] for each in page["changes"]] == ["a.md", "b.md"]
    assert page["unlisted"] == 1


def test_a_token_of_another_list_is_refused() -> None:
    world = world_with("a.md")
    batch_id = world.sync(dry_run=True)["batch_id"]
    token = world.report.history("", 1)["next_page_token"]
    with pytest.raises(InvalidRequest):
        world.report.changes(batch_id, token)
    assert world.report.changes("no/batch", "") is None
