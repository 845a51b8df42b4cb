"""Whole syncs on the in-memory twins."""

from __future__ import annotations

from tests.world import World

LIBRARY = {
    "a/one.md": "# One\n",
    "a/two.txt": "two\n",
    "b/three.html": "<p>three</p>\n",
    "b/photo.png": "not text",
    "b/empty.md": "",
    "notes": "readable text of unknown extension\n",
}


def counts(summary: dict[str, object], *names: str) -> list[object]:
    return [summary[name] for name in names]


def test_a_first_sync_indexes_all_that_can_be_and_names_what_cannot() -> None:
    world = World()
    world.put(LIBRARY)

    summary = world.sync()

    assert summary["status"] == "completed", summary["message"]
    assert counts(summary, "scanned", "new", "indexed", "skipped", "failed") == [6, 4, 4, 2, 0]
    assert summary["skips"] == [
        {"path": "b/photo.png", "reason": "picture_in_text_store"},
        {"path": "b/empty.md", "reason": "empty"},
    ] or summary["skips"] == [
        {"path": "b/empty.md", "reason": "empty"},
        {"path": "b/photo.png", "reason": "picture_in_text_store"},
    ]
    assert world.stored_paths() == ["a/one.md", "a/two.txt", "b/three.html", "notes"]
    assert summary["requests"]["metered"] == 8


def test_a_second_sync_of_an_unchanged_bucket_makes_no_metered_request() -> None:
    world = World()
    world.put(LIBRARY)
    world.sync()
    metered = world.gemini.metered

    summary = world.sync()

    assert world.gemini.metered == metered
    assert counts(summary, "new", "changed", "metadata_changed", "removed") == [0, 0, 0, 0]
    assert counts(summary, "unchanged", "skipped", "indexed", "deleted") == [4, 2, 0, 0]
    assert summary["requests"]["metered"] == 0


def test_changes_additions_removals_and_new_metadata_are_counted_apart() -> None:
    world = World()
    world.put(LIBRARY)
    world.sync()
    world.put({"a/one.md": "# One, better\n", "c/four.md": "four\n"})
    world.bucket.put("a/two.txt.meta.json", b'{"title": "Two"}')
    world.bucket.delete("notes")

    summary = world.sync()

    assert summary["status"] == "completed", summary["message"]
    assert counts(summary, "new", "changed", "metadata_changed", "removed") == [1, 1, 1, 1]
    assert counts(summary, "unchanged", "indexed", "deleted") == [1, 3, 1]
    assert world.stored_paths() == ["a/one.md", "a/two.txt", "b/three.html", "c/four.md"]
    titles = {d.metadata["path"]: d.metadata.get("title") for d in world.store_documents()}
    assert titles["a/two.txt"] == "Two"


def test_each_delivery_of_the_uploads_queue_makes_one_metered_request() -> None:
    world = World()
    world.put({f"{n:03d}.md": f"document {n}" for n in range(60)})

    world.sync()

    metered = [count for _, queue, count in world.deliveries if queue == "uploads"]
    others = [count for _, queue, count in world.deliveries if queue != "uploads"]
    assert len(metered) == 120
    assert set(metered) == {1}
    assert set(others) <= {0}


def test_no_raw_file_is_left_behind() -> None:
    world = World()
    world.put(LIBRARY)

    world.sync()

    assert all(record.raw_file is None for record in world.files())
