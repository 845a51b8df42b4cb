"""A new store is filled while the old one is used; then the deployment uses the new one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.batch.batch import SyncMode
from shared.domain.deployment.rules import Rules
from shared.domain.errors import InvalidRequest, Refused, Unavailable
from shared.services.store.cut_over import CutOver
from tests.services.story import (
    SECOND,
    batch_now,
    begun,
    denied,
    in_step,
    invalid,
    synced,
    unavailable,
)
from tests.world import World, changed_rules, rules

NEW = {"store_display_name": "second store", "embedding_model": "models/gemini-embedding-2"}


def library(*paths: str, **given: Any) -> World:
    world = synced(*(paths or ("a.md", "b.md", "c.md")), given=rules(**given))
    world.clock.advance(SECOND)
    return world


def configure(world: World, **changes: Any) -> Rules:
    """Change the settings of later syncs."""
    world.use(replace(world.context, rules=changed_rules(world.context.rules, **changes)))
    return world.context.rules


def moved(world: World, **request: Any) -> dict[str, Any]:
    """A full sync into a new store."""
    summary = world.sync(mode=SyncMode.FULL, new_store=True, **request)
    world.clock.advance(SECOND)
    return summary


def synced_again(world: World, **request: Any) -> dict[str, Any]:
    summary = world.sync(**request)
    world.clock.advance(SECOND)
    return summary


def paths_in(world: World, store: str) -> list[str]:
    return sorted(
        str(document.metadata["path"])
        for document in world.store_documents()
        if document.name.startswith(f"{store}/")
    )


def test_removals_during_a_move_are_measured_by_all_documents_that_move() -> None:
    world = library(*(f"{number:02d}.md" for number in range(30)))
    for number in range(12):
        world.bucket.delete(f"{number:02d}.md")
    configure(world, **NEW)

    summary = moved(world)

    assert (summary["status"], summary["indexed"], summary["deleted"]) == ("completed", 18, 12)


def test_all_is_imported_into_the_new_store_and_then_the_deployment_uses_it() -> None:
    world = library()
    old = world.report.store()["store"]
    configure(world, **NEW)

    summary = moved(world)

    stores = world.report.store()
    assert (summary["status"], summary["indexed"], summary["drift"]) == ("completed", 3, 0)
    assert stores["store"] != old
    assert (stores["next_store"], stores["previous_store"]) == ("", old)
    assert stores["store"] in summary["message"]
    assert paths_in(world, stores["store"]) == paths_in(world, old) == ["a.md", "b.md", "c.md"]
    assert synced_again(world)["unchanged"] == 3


def test_the_old_store_serves_whole_until_the_new_one_is_filled() -> None:
    world = library()
    old = world.report.store()["store"]
    configure(world, **NEW)
    batch = begun(world, mode=SyncMode.FULL, new_store=True)

    while not batch_now(world, batch).status.is_terminal:
        assert paths_in(world, old) == ["a.md", "b.md", "c.md"]
        pointed = world.report.store()
        assert pointed["store"] == old or len(paths_in(world, pointed["store"])) == 3
        world.step()


def test_a_move_that_is_cut_short_goes_on_with_any_later_sync() -> None:
    world = library()
    old = world.report.store()["store"]
    configure(world, **NEW)
    batch = begun(world, mode=SyncMode.FULL, new_store=True)
    while len(world.store_documents()) < 4:
        world.step()
    world.control.cancel(batch.batch_id)
    world.clock.advance(SECOND)
    assert world.report.store()["store"] == old

    summary = synced_again(world)

    assert summary["status"] == "completed"
    assert world.report.store()["previous_store"] == old
    assert world.gemini.imports == 6


def test_objects_removed_during_a_move_leave_both_stores() -> None:
    world = library()
    old = world.report.store()["store"]
    configure(world, **NEW)
    world.gemini.fail_next("import_file", invalid())
    assert "retry_failed" in moved(world)["message"], "one is missing in the new store"
    world.bucket.delete("b.md")
    world.put({"c.md": "changed"})

    summary = synced_again(world, mode=SyncMode.RETRY_FAILED)

    stores = world.report.store()
    assert stores["previous_store"] == old
    assert summary["removed"] == summary["deleted"] == 1
    assert paths_in(world, old) == ["a.md", "c.md"]
    assert paths_in(world, stores["store"]) == ["a.md", "c.md"]


def test_a_file_that_fails_in_the_new_store_keeps_the_old_one_in_use() -> None:
    world = library()
    old = world.report.store()["store"]
    configure(world, **NEW)
    world.gemini.fail_next("import_file", invalid())

    summary = moved(world)

    assert summary["status"] == "completed_with_failures"
    assert "goes on serving" in summary["message"]
    assert world.report.store()["store"] == old
    promoted = CutOver(world.context).promote()
    assert (promoted.previous_store, promoted.next_store) == (old, "")
    assert world.report.store()["store"] == promoted.store


def test_a_failed_file_without_an_old_document_does_not_prevent_the_cut_over() -> None:
    world = library()
    world.put({"bad.md": "bad"})
    world.gemini.fail_next("import_file", invalid())
    assert synced_again(world)["failed"] == 1
    old = world.report.store()["store"]
    configure(world, store_display_name="second store")

    moved(world)

    assert world.report.store()["previous_store"] == old


def test_the_store_that_was_left_is_dropped_on_request_and_once() -> None:
    world = library()
    old = world.report.store()["store"]
    configure(world, **NEW)
    moved(world)

    assert CutOver(world.context).drop_previous() == old

    assert [store.name for store in world.gemini.list_stores().stores] == [
        world.report.store()["store"]
    ]
    with pytest.raises(Refused, match="no store to drop"):
        CutOver(world.context).drop_previous()
    world.bucket.delete("a.md")
    assert synced_again(world)["deleted"] == 1, "what is left of the old store is no hindrance"
    assert in_step(world)


def test_a_drop_whose_reply_was_lost_may_be_repeated() -> None:
    world = library()
    configure(world, **NEW)
    moved(world)
    world.gemini.fail_next("delete_store", denied(), after_effect=True)

    CutOver(world.context).drop_previous()

    assert world.report.store()["previous_store"] == ""


def test_a_store_that_is_left_to_be_dropped_is_not_filled_again() -> None:
    """A drop whose reply was lost may take effect late, and a later drop would delete it."""
    world = library()
    first = world.rules.settings.store_display_name
    configure(world, **NEW)
    moved(world)
    previous = world.report.store()["previous_store"]
    world.gemini.fail_next("delete_store", unavailable())
    with pytest.raises(Unavailable):
        CutOver(world.context).drop_previous()
    configure(world, store_display_name=first, embedding_model="")

    summary = moved(world)

    assert summary["status"] == "refused"
    assert previous in summary["message"]
    assert world.report.store()["next_store"] == ""
    assert CutOver(world.context).drop_previous() == previous
    assert moved(world)["status"] == "completed"
    CutOver(world.context).drop_previous()
    assert in_step(world)


def test_a_drop_that_is_refused_leaves_the_store_to_be_dropped() -> None:
    world = library()
    configure(world, **NEW)
    moved(world)
    previous = world.report.store()["previous_store"]
    world.gemini.fail_next("delete_store", denied())

    with pytest.raises(type(denied())):
        CutOver(world.context).drop_previous()

    assert world.report.store()["previous_store"] == previous


def test_a_dry_run_of_a_move_estimates_it_and_creates_no_store() -> None:
    world = library()
    configure(world, **NEW)

    summary = moved(world, dry_run=True)

    assert summary["changed"] == 3
    assert len(world.gemini.list_stores().stores) == 1
    assert world.report.store()["next_store"] == ""
    assert moved(world)["indexed"] == 3


def test_the_cap_of_imports_holds_for_a_move() -> None:
    world = library()
    old = world.report.store()["store"]
    configure(world, **NEW)

    assert moved(world, max_imports=2)["status"] == "refused"

    assert world.report.store()["store"] == old
    assert len(world.store_documents()) == 3


# --- refused ----------------------------------------------------------------------------------


def test_another_model_or_name_is_refused_without_new_store() -> None:
    world = library()
    configure(world, embedding_model="models/gemini-embedding-2")
    other_model = synced_again(world)
    configure(world, **NEW)
    other_name = synced_again(world)

    assert (other_model["status"], other_name["status"]) == ("refused", "refused")
    assert "new_store" in other_model["message"]
    assert "'second store'" in other_name["message"]
    assert "new_store" in other_name["message"]
    assert world.gemini.imports == 3


def test_a_new_store_needs_a_name_of_its_own() -> None:
    summary = moved(library())

    assert summary["status"] == "refused"
    assert "another STORE_DISPLAY_NAME" in summary["message"]


def test_a_new_store_is_filled_by_a_full_sync_of_the_whole() -> None:
    world = library()
    for request in ({"mode": SyncMode.INCREMENTAL}, {"mode": SyncMode.FULL, "prefix": "a"}):
        with pytest.raises(InvalidRequest, match="new_store"):
            begun(world, new_store=True, **request)


def test_a_move_is_refused_while_files_are_processed_for_the_old_store() -> None:
    world = library()
    world.put({"d.md": "new"})
    batch = begun(world)
    while not any(file.status == "uploaded" for file in world.files()):
        world.step()
    world.control.cancel(batch.batch_id)
    world.clock.advance(SECOND)
    configure(world, **NEW)

    summary = moved(world)

    assert summary["status"] == "refused"
    assert "let a sync finish first" in summary["message"]


def test_nothing_is_promoted_if_no_store_is_being_filled() -> None:
    with pytest.raises(Refused, match="no new store"):
        CutOver(library().context).promote()


@pytest.mark.parametrize("name", ["README", "a.md"])
def test_a_file_that_cant_be_read_keeps_the_old_store_in_use(name: str) -> None:
    world = library(name, "b.md")
    old = world.report.store()["store"]
    configure(world, **NEW)
    world.bucket.refused[name] = 403

    summary = moved(world)

    assert (summary["status"], summary["deleted"]) == ("completed", 0)
    assert "1 failed or can't be read" in summary["message"]
    assert world.report.store()["store"] == old
    assert paths_in(world, old) == sorted([name, "b.md"])
    world.bucket.refused.clear()
    synced_again(world)
    assert world.report.store()["previous_store"] == old


def test_a_rule_of_ours_takes_no_file_out_of_the_old_store_unasked() -> None:
    world = library("a.txt", "b.md")
    old = world.report.store()["store"]
    world.bucket.put("a.txt", b"now it has a \x00 in it")
    configure(world, **NEW)

    assert moved(world)["status"] == "refused"

    assert paths_in(world, old) == ["a.txt", "b.md"]
    assert synced_again(world, max_deletes=1)["status"] == "completed"
    assert world.report.store()["previous_store"] == old
