"""Two deployments of the same bucket, prefix and name, from two databases, on one store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.domain.deployment.deployment import Deployment
from shared.gateways.database.records import DEPLOYMENT
from shared.gateways.ports import Delete, Query
from shared.services.events import Event
from tests.services.story import (
    DAY,
    HOUR,
    MINUTE,
    later,
    logged,
    lost,
    plant,
    store_of,
    synced,
)
from tests.world import World, rules

if TYPE_CHECKING:
    import pytest

PATHS = ("a.md", "b.md", "c.md")


def twin_of(world: World) -> World:
    """Another deployment with the same settings, bucket, store and clock, and its own database."""
    twin = World(world.rules, world.clock)
    twin.bucket, twin.gemini = world.bucket, world.gemini
    ids = iter(range(10**6, 10**7))
    twin.use(
        replace(
            twin.context,
            bucket=world.bucket,
            gemini=world.gemini,
            new_id=lambda: f"{next(ids)}",
        )
    )
    return twin


def synced_again(world: World, **request: Any) -> dict[str, Any]:
    later(world, HOUR)
    return world.sync(**request)


def known(world: World) -> Deployment:
    return world.records.get(Deployment, DEPLOYMENT).present


def intrude(world: World) -> None:
    """Let another deployment import a file that ours has imported too."""
    later(world, MINUTE)
    plant(world, store_of(world), "a.md")


def test_a_second_deployment_on_the_store_is_noticed_and_imports_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = synced(*PATHS)
    second = twin_of(first)
    later(second, MINUTE)
    assert second.sync()["indexed"] == 0  # it takes over what it finds
    later(second, MINUTE)
    first.put({"a.md": "changed"})
    first.sync()
    later(second, MINUTE)

    noticed = second.sync()  # it imports the change too, and then finds the other's document

    assert "another deployment writes documents" in noticed["message"]
    assert logged(caplog, Event.OTHER_DEPLOYMENT)
    imports = first.gemini.imports
    first.put({"b.md": "changed"})
    held = synced_again(second)
    assert (held["status"], held["hold"]) == (
        "deferred",
        {"reason": "other_deployment", "until": None},
    )
    assert first.gemini.imports == imports


def test_imports_stop_until_a_person_asks_for_a_reconcile() -> None:
    world = synced(*PATHS)
    intrude(world)
    world.sync()
    world.put({"new.md": "new"})

    for trigger in ("scheduler", "http"):
        held = synced_again(world, trigger=trigger)
        assert held["status"] == "deferred"
        assert "fss reconcile" in held["message"]
        assert "new.md" not in world.stored_paths()
    assert synced_again(world, mode="reconcile", trigger="scheduler")["status"] == "deferred"

    assert synced_again(world, mode="reconcile")["status"] == "completed"
    assert "new.md" in world.stored_paths()
    assert known(world).other_documents == ()


def test_deletions_go_on_meanwhile() -> None:
    world = synced(*PATHS)
    intrude(world)
    world.sync()
    world.bucket.delete("b.md")
    world.put({"new.md": "new"})

    assert synced_again(world)["deleted"] == 1


def test_an_uncertain_import_is_no_other_deployment() -> None:
    world = synced(*PATHS)
    later(world, MINUTE)
    world.put({"d.md": "d"})
    world.gemini.fail_next("import_file", lost(), after_effect=True)
    later(world, MINUTE)

    world.sync()
    synced_again(world, mode="reconcile", trigger="scheduler")

    assert known(world).other_documents == ()


def test_a_late_effect_of_our_own_import_is_no_other_deployment() -> None:
    """The import was given up and sent again, and then the first one took effect after all."""
    world = synced(*PATHS, given=rules(reconcile_days=1))
    later(world, MINUTE)
    world.put({"d.md": "d"})
    world.gemini.fail_next("import_file", lost())
    world.sync()
    plant(world, store_of(world), "d.md")

    synced_again(world)

    assert known(world).other_documents == ()


def test_a_lost_ledger_entry_is_no_other_deployment() -> None:
    world = synced(*PATHS)
    entries = world.documents.query(Query("operations"))
    world.documents.commit([Delete(each.path) for each in entries])

    synced_again(world, mode="reconcile", trigger="scheduler")

    assert known(world).other_documents == ()


def test_documents_of_lost_records_are_no_other_deployment() -> None:
    world = synced(*PATHS)
    later(world, HOUR)
    world.documents._collections.clear()
    later(world, MINUTE)

    assert world.sync()["status"] == "completed"
    assert known(world).other_documents == ()
    assert world.gemini.imports == len(PATHS)


def test_documents_older_than_the_ledger_goes_back_are_no_other_deployment() -> None:
    world = synced(*PATHS)
    intrude(world)
    later(world, 91 * DAY)

    world.sync()

    assert known(world).other_documents == ()


def test_an_orphan_with_our_tag_that_nobody_imported_is_noticed_too() -> None:
    world = synced(*PATHS)
    later(world, MINUTE)
    plant(world, store_of(world), "gone.md")

    assert "another deployment" in world.sync()["message"]


def test_a_document_without_our_tag_is_none_of_this() -> None:
    world = synced(*PATHS)
    later(world, MINUTE)
    plant(world, store_of(world), "x.md", owner="somebody else")

    world.sync()

    assert known(world).other_documents == ()
