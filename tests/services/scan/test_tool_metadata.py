"""What copying tools write among an object's metadata costs nothing and is stored nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.story import PATH, changes, world_with
from tests.world import World, rules

CONTENT = b"the same content"
TIMES = {"mtime": "1763910000.5", "gcsfuse_mtime": "2025-11-23T15:00:00Z", "S3cmd-Attrs": "atime:1"}


def with_metadata(metadata: dict[str, str], **settings: Any) -> World:
    world = World(rules(**settings))
    world.bucket.put(PATH, CONTENT, metadata=metadata)
    world.sync()
    return world


def entries(world: World) -> dict[str, object]:
    (document,) = world.store_documents()
    return dict(document.metadata)


@pytest.mark.parametrize("mode", ["incremental", "full"])
def test_a_touched_time_is_neither_imported_nor_counted(mode: str) -> None:
    world = with_metadata({"title": "Tides", **TIMES})
    assert entries(world)["title"] == "Tides"
    assert not TIMES.keys() & entries(world).keys()
    metered = world.gemini.metered

    world.bucket.touch_metadata(PATH, {"title": "Tides", "mtime": "1", "atime": "2"})
    assert changes(world.sync(mode=mode)) == {"scanned": 1, "unchanged": 1}
    world.bucket.put(PATH, CONTENT, metadata={"title": "Tides", "gcsfuse_mtime": "3"})
    assert changes(world.sync(mode=mode)) == {"scanned": 1, "unchanged": 1}
    assert world.gemini.metered == metered

    world.bucket.touch_metadata(PATH, {"title": "Waves", "mtime": "1"})
    assert changes(world.sync(mode=mode))["metadata_changed"] == 1


def test_times_take_none_of_the_twenty_entries() -> None:
    own = {f"field-{n:02}": "x" for n in range(15)}
    world = with_metadata({"atime": "1", "btime": "2", "ctime": "3", **own})
    assert own.keys() <= entries(world).keys()
    assert world.file(PATH).metadata_reports == ()


def test_a_name_that_means_something_is_kept_and_its_change_imported() -> None:
    world = with_metadata({"Mtime": "2025", "atime": "1"}, kept_metadata=("mtime",))
    assert "Mtime" in entries(world)
    assert "atime" not in entries(world)
    world.bucket.touch_metadata(PATH, {"Mtime": "2026", "atime": "1"})
    assert changes(world.sync())["metadata_changed"] == 1


def test_an_expected_field_is_kept_without_another_setting() -> None:
    world = with_metadata({"mtime": "2025-03-09"}, expected_fields=("mtime:date",))
    assert entries(world)["mtime"] == "2025-03-09"


def test_more_names_are_left_out_by_a_setting_and_only_files_with_them_change() -> None:
    world = with_metadata({"run-id": "1", "title": "Tides"})
    world.bucket.put("b.md", b"another")
    world.sync()
    world.use(world.context_with(ignored_metadata=("Run-*",)))
    assert changes(world.sync())["metadata_changed"] == 1
    world.bucket.touch_metadata(PATH, {"run-id": "2", "title": "Tides"})
    assert changes(world.sync()) == {"scanned": 2, "unchanged": 2}


def test_a_sidecars_fields_are_never_left_out_for_their_names() -> None:
    world = world_with(PATH, f"{PATH}.meta.json")
    world.bucket.put(f"{PATH}.meta.json", b'{"mtime": "2025-03-09"}')
    world.sync()
    assert entries(world)["mtime"] == "2025-03-09"
