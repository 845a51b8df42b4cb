"""Whether the records are lost is decided by the store's list, since its counts may lag."""

from __future__ import annotations

import pytest

from shared.domain.batch.batch import BatchStatus, SyncMode
from shared.domain.batch.request import SyncRequest
from shared.domain.errors import BadRequest, Unavailable
from shared.domain.file.record import FileStatus
from tests.services.story import (
    HOUR,
    MINUTE,
    SECOND,
    begun,
    changes,
    denied,
    in_step,
    later,
    plant,
    play_for,
    play_out,
    play_to,
    step,
    store_of,
    synced,
    unavailable,
    world_with,
)
from tests.twins.gemini import PAGE_SIZE
from tests.world import World

NAMES = tuple(f"{n:02d}.md" for n in range(45))


def losing_its_records(world: World) -> World:
    world.documents._collections.clear()
    later(world, SECOND)
    return world


def lagging(world: World) -> World:
    """The store's counts show nothing of what was imported so far."""
    world.gemini.counts_lag = 10 * MINUTE
    assert not any(store.documents for store in world.gemini.list_stores().stores)
    return world


def foreigners(world: World, count: int) -> None:
    """Documents of somebody else, which come first in the list."""
    for n in range(count):
        plant(world, store_of(world), f"theirs-{n:02d}.md", owner="somebody else")


@pytest.mark.parametrize("mode", [SyncMode.INCREMENTAL, SyncMode.FULL, SyncMode.RECONCILE])
def test_lost_records_are_rebuilt_although_the_store_counts_no_document(mode: SyncMode) -> None:
    world = lagging(losing_its_records(synced(*NAMES)))
    metered = world.gemini.metered

    summary = world.sync(mode=mode)

    assert (summary["status"], summary["unchanged"]) == ("completed", len(NAMES))
    assert summary["reconciliation"]["adopted"] == len(NAMES)
    assert world.gemini.metered == metered
    assert in_step(world)


@pytest.mark.parametrize("lags", [False, True], ids=["counted", "lagging"])
def test_ours_are_found_behind_pages_of_foreign_documents(lags: bool) -> None:
    world = world_with(*NAMES)
    world.gemini.create_store("test store", "")
    foreigners(world, 45)
    world.sync()
    losing_its_records(world)
    if lags:
        lagging(world)
    metered = world.gemini.metered

    assert "unknown until the records are rebuilt" in world.sync(dry_run=True)["message"]
    later(world, SECOND)
    summary = world.sync()

    assert (summary["status"], summary["unchanged"]) == ("completed", len(NAMES))
    assert world.gemini.metered == metered


@pytest.mark.parametrize("lags", [False, True], ids=["counted", "lagging"])
@pytest.mark.parametrize("count", [0, 3, 45])
def test_foreign_documents_alone_are_no_sign_of_lost_records(count: int, lags: bool) -> None:
    world = world_with("a.md")
    world.gemini.create_store("test store", "")
    foreigners(world, count)
    if lags:
        lagging(world)

    told = world.sync(dry_run=True)

    assert (told["estimate"]["files"], told["new"]) == (1, 1)
    assert "lost" not in told["message"]
    assert "unknown" not in told["message"]
    later(world, SECOND)
    summary = world.sync()
    assert changes(summary) == {"scanned": 1, "new": 1, "indexed": 1}


@pytest.mark.parametrize("count", [0, 45], ids=["at its first page", "in the middle"])
def test_a_listing_that_breaks_off_decides_nothing(count: int) -> None:
    world = world_with("a.md", "b.md")
    world.gemini.create_store("test store", "")
    foreigners(world, count)
    world.sync()
    lagging(losing_its_records(world))
    metered = world.gemini.metered
    ask = world.gemini.list_documents
    breaks = [True]

    def broken(store: str, page_token: str = "") -> object:
        if breaks and (page_token or not count):
            raise unavailable()
        return ask(store, page_token)

    world.gemini.list_documents = broken  # type: ignore[method-assign,assignment]  # this world only
    batch = begun(world)
    play_for(world, HOUR)
    assert world.files() == []
    assert world.gemini.metered == metered, "nothing is imported meanwhile"
    breaks.clear()

    closed = play_out(world, batch)

    assert (closed.status, closed.counts["unchanged"]) == ("completed", 2)
    assert world.gemini.metered == metered


def test_a_key_that_may_not_list_the_store_decides_nothing() -> None:
    world = lagging(losing_its_records(synced("a.md")))
    metered = world.gemini.metered
    world.gemini.fail_next("list_documents", denied())

    assert world.sync()["status"] == "failed"
    later(world, SECOND)
    assert world.sync()["unchanged"] == 1
    assert world.gemini.metered == metered


def test_a_rebuild_that_was_cut_short_goes_on_although_the_store_counts_nothing() -> None:
    world = lagging(losing_its_records(synced(*NAMES)))
    metered = world.gemini.metered
    batch = begun(world)
    ask = world.gemini.list_documents

    def broken(store: str, page_token: str = "") -> object:
        if page_token:
            raise BadRequest("gemini.list_documents", code=400)
        return ask(store, page_token)

    world.gemini.list_documents = broken  # type: ignore[method-assign,assignment]  # this world only
    for _ in range(10):
        step(world)
    assert 0 < len(world.files()) < len(NAMES)
    world.control.cancel(batch.batch_id)
    later(world, SECOND)
    world.gemini.list_documents = ask  # type: ignore[method-assign]  # this world only

    summary = world.sync()

    assert (summary["status"], summary["unchanged"]) == ("completed", len(NAMES))
    assert world.gemini.metered == metered
    assert in_step(world)


def test_force_asks_nobody() -> None:
    world = lagging(losing_its_records(synced("a.md")))
    listed = world.gemini.calls["list_documents"]
    batch = begun(world, force=True)
    play_to(world, FileStatus.INDEXED, "a.md")

    assert world.gemini.calls["list_documents"] == listed
    assert play_out(world, batch).status == "completed"


def test_a_store_that_was_just_made_is_not_listed() -> None:
    world = world_with("a.md")
    batch = begun(world)
    play_to(world, FileStatus.INDEXED, "a.md")

    assert world.gemini.calls["list_documents"] == 0
    assert play_out(world, batch).reconciled is False


def test_an_empty_bucket_costs_one_look_at_the_empty_store() -> None:
    world = World()
    world.sync()
    later(world, SECOND)

    summary = world.sync()

    assert world.gemini.calls["list_documents"] == 1
    assert summary["reconciliation"] is None


def test_of_two_stores_of_one_name_the_filled_one_is_used_whatever_they_count() -> None:
    world = world_with(*NAMES)
    world.gemini.create_store("test store", "")
    used = world.gemini.create_store("test store", "")
    for name in NAMES:
        plant(world, used.name, name)
    lagging(world)
    metered = world.gemini.metered

    summary = world.sync()

    assert (summary["status"], summary["unchanged"]) == ("completed", len(NAMES))
    assert {d.name.partition("/doc")[0] for d in world.store_documents()} == {used.name}
    assert world.gemini.metered == metered


def test_two_filled_stores_of_one_name_are_refused_whatever_they_count() -> None:
    world = world_with("a.md")
    one = world.gemini.create_store("test store", "")
    two = world.gemini.create_store("test store", "")
    plant(world, one.name, "a.md")
    plant(world, two.name, "b.md")
    lagging(world)
    metered = world.gemini.metered

    summary = world.sync()

    assert summary["status"] == "refused"
    assert (one.name in summary["message"], two.name in summary["message"]) == (True, True)
    assert world.gemini.metered == metered


def test_stores_of_one_name_that_cannot_be_listed_decide_nothing() -> None:
    world = world_with("a.md")
    world.gemini.create_store("test store", "")
    used = world.gemini.create_store("test store", "")
    plant(world, used.name, "a.md")
    lagging(world)
    metered = world.gemini.metered
    world.gemini.fail_next("list_documents", unavailable())
    world.gemini.fail_next("list_documents", unavailable())
    batch = begun(world)

    assert play_out(world, batch).store == used.name
    assert world.gemini.metered == metered


def test_a_new_store_that_holds_our_documents_already_is_reconciled_whatever_it_counts() -> None:
    world = world_with("a.md", "b.md")
    new = world.gemini.create_store("next store", "")
    plant(world, new.name, "a.md")
    later(world, SECOND)
    world.sync()
    (old,) = (each for each in world.gemini.list_stores().stores if each.name != new.name)
    world.use(world.context_with(store_display_name="next store"))
    lagging(world)
    imports = world.gemini.imports

    summary = world.sync(mode=SyncMode.FULL, new_store=True)

    assert summary["status"] == "completed"
    assert world.gemini.imports == imports + 1, "only b.md"
    held = [d for d in world.store_documents() if d.name.startswith(new.name)]
    assert sorted(str(d.metadata["path"]) for d in held) == ["a.md", "b.md"]
    assert old.name != new.name


def test_a_page_token_that_expires_while_stores_are_looked_for_is_no_account_fault() -> None:
    world = world_with("a.md")
    for n in range(PAGE_SIZE + 1):
        world.gemini.create_store(f"of others, {n}", "")
    listed: list[str] = []

    def second_page_is_refused(call: str) -> None:
        if call == "list_stores:enter":
            listed.append(call)
            if len(listed) == 2:
                raise BadRequest("gemini.list_stores", code=400, status="INVALID_ARGUMENT")

    world.gemini.on_call = second_page_is_refused
    batch = world.start(SyncRequest())

    with pytest.raises(Unavailable):  # the next call of the supervisor begins the listing again
        world.supervise()

    assert world.run(batch).status is BatchStatus.COMPLETED
    assert len(listed) > 2
