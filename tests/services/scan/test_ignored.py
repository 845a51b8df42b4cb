"""What a rule leaves out is counted by rule: it costs no write, and no document by itself."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.file.record import FileStatus
from shared.domain.source.path_glob import PathGlob
from tests.services.story import changes, synced, world_with
from tests.world import World, rules

IGNORED = (".DS_Store", "a/node_modules/b.md", "a/node_modules/c.js", "a/Thumbs.db", "~$x.docx")
COUNTS = {"node_modules/": 2, ".DS_Store": 1, "Thumbs.db": 1, "~$*": 1}


def globs(*texts: str) -> tuple[PathGlob, ...]:
    return tuple(map(PathGlob.parse, texts))


def use(world: World, **settings: Any) -> None:
    world.use(world.context_with(**settings))


@pytest.mark.parametrize("mode", ["incremental", "full"])
@pytest.mark.parametrize("page_size", [2, 1000])
def test_ignored_objects_are_counts_by_rule_without_a_record(page_size: int, mode: str) -> None:
    world = world_with("a.md", *IGNORED, given=rules(page_size=page_size))
    first = world.sync()
    assert [record.path for record in world.files()] == ["a.md"]
    assert (first["scanned"], first["skipped"], first["new"]) == (6, 5, 1)
    assert (first["ignored"], first["skips"]) == (COUNTS, [])
    assert list(first["ignored"]) == ["node_modules/", ".DS_Store", "Thumbs.db", "~$*"]

    again = world.sync(mode=mode)  # remembered pages keep the counts
    assert (again["ignored"], again["status"], again["drift"]) == (COUNTS, "completed", 0)
    assert changes(again) == {"scanned": 6, "skipped": 5, "unchanged": 1}


def test_patterns_are_counted_by_their_text() -> None:
    given = rules(include=globs("**/*.md", "**/*.js"), exclude=globs("drafts/**", "**/.*/**"))
    world = world_with(
        "a.md", "b.txt", "drafts/c.md", "drafts/d.txt", ".git/x", "node_modules/e.js", given=given
    )
    summary = world.sync()
    assert summary["ignored"] == {
        "EXCLUDE drafts/**": 2,
        "EXCLUDE **/.*/**": 1,
        "INCLUDE": 1,
        "node_modules/": 1,
    }
    assert [record.path for record in world.files()] == ["a.md"]


def test_a_million_would_cost_no_write_a_file() -> None:
    world = world_with(*(f"node_modules/{n:04}.js" for n in range(600)), given=rules(page_size=100))
    summary = world.sync()
    assert summary["ignored"] == {"node_modules/": 600}
    assert world.files() == []
    batch = world.documents.get(f"batches/{summary['batch_id']}")
    assert len(str(batch.fields)) < 3000


def test_a_sidecar_is_ignored_with_its_base() -> None:
    world = world_with("desktop.ini", "desktop.ini.meta.json", "a.md")
    assert world.sync()["ignored"] == {"desktop.ini": 2}


def test_a_rule_that_is_switched_off_lets_its_files_in() -> None:
    world = synced("a.md", "node_modules/b.md", ".git/c.md")
    use(world, not_ignored=("node_modules/",))
    summary = world.sync()
    assert (summary["new"], summary["ignored"]) == (1, {".git/": 1})
    assert world.stored_paths() == ["a.md", "node_modules/b.md"]


def test_a_pattern_that_is_taken_back_lets_its_files_in() -> None:
    world = synced("a.md", "drafts/b.md", given=rules(exclude=globs("drafts/**")))
    use(world, exclude=())
    assert changes(world.sync()) == {"scanned": 2, "new": 1, "unchanged": 1, "indexed": 1}


def test_a_document_that_the_settings_exclude_goes_under_the_guard() -> None:
    world = synced("a.md", "drafts/b.md")
    use(world, exclude=globs("drafts/**"))
    kept = world.sync(max_deletes=0)
    assert (kept["status"], kept["ignored"]) == ("refused", {"EXCLUDE drafts/**": 1})
    assert world.file("drafts/b.md").skip_reason == "excluded"
    assert world.stored_paths() == ["a.md", "drafts/b.md"]

    assert world.sync()["deleted"] == 1
    assert world.stored_paths() == ["a.md"]
    before = world.file("drafts/b.md")
    assert world.sync(mode="full")["ignored"] == {"EXCLUDE drafts/**": 1}
    assert world.file("drafts/b.md") == before  # left as it is


def test_a_document_that_a_built_in_rule_ignores_says_so() -> None:
    world = synced("a.md", "node_modules/b.md", given=rules(not_ignored=("node_modules/",)))
    use(world, not_ignored=())
    world.sync(max_deletes=0)
    assert world.file("node_modules/b.md").skip_reason == "ignored"


def test_a_record_without_documents_ends_as_deleted_once() -> None:
    world = synced("a.md", "drafts/empty.md")
    world.bucket.put("drafts/empty.md", b"")
    world.sync()
    assert world.file("drafts/empty.md").skip_reason == "empty"
    use(world, exclude=globs("drafts/**"))
    summary = world.sync()
    assert (summary["ignored"], summary["skips"]) == ({"EXCLUDE drafts/**": 1}, [])
    ended = world.file("drafts/empty.md")
    assert ended.status is FileStatus.DELETED
    world.sync(mode="full")
    assert world.file("drafts/empty.md") == ended


@pytest.mark.parametrize("again", [False, True])
def test_a_dry_run_counts_them_and_shows_examples(again: bool) -> None:
    world = world_with("a.md", *IGNORED)
    if again:
        world.sync()
    told = world.sync(dry_run=True)
    assert told["ignored"] == COUNTS
    examples = {each["path"]: each["reason"] for each in told["samples"]["skipped"]}
    assert examples == dict.fromkeys(IGNORED, "ignored")
    assert told["estimate"]["files"] == (0 if again else 1)


def test_an_excluded_object_that_vanishes_leaves_nothing() -> None:
    world = synced("a.md", "drafts/b.md", given=rules(exclude=globs("drafts/**")))
    world.bucket.delete("drafts/b.md")
    summary = world.sync()
    assert (summary["removed"], summary["ignored"], summary["drift"]) == (0, {}, 0)


def test_a_dry_run_expects_the_same_removals_as_the_guard_that_waits() -> None:
    world = synced("a.md", "drafts/b.md", "drafts/c.md")
    use(world, exclude=globs("drafts/**"))
    for _ in range(2):  # with and without candidates of an earlier batch
        told = world.sync(dry_run=True)
        assert (told["estimate"]["removals"], told["ignored"]) == (2, {"EXCLUDE drafts/**": 2})
        assert [each["reason"] for each in told["samples"]["skipped"]] == ["excluded"] * 2
        world.sync(max_deletes=0)
    assert world.sync()["deleted"] == 2
