"""Every query finds its index: those of the code, against those of the plan."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints

import pytest

from local.firestore.indexes.index_set import IndexSet
from local.firestore.refusals import Refused
from local.terraform.firestore_indexes import firestore_indexes
from local.terraform.workspace import Plan
from shared.domain.batch.batch import Batch, PageResult
from shared.domain.deployment.deployment import Deployment
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import Change, FailureKind, FileRecord, FileStatus, Slot
from shared.domain.reconcile.state import ListedDocuments, ReconcileState
from shared.domain.scan.remembered_range import RememberedRange
from shared.domain.source.eligibility import SkipReason
from shared.domain.throttle.breaker_window import WindowEntry
from shared.gateways.database import queries
from shared.gateways.ports import Op, Query, Where
from tests.terraform.needed_indexes import (
    ASCENDING,
    DESCENDING,
    Index,
    as_text,
    needed,
    refusals,
)
from tests.twins.documents import MemoryDocuments
from tests.world import World

COLLECTIONS: Mapping[str, type] = {
    "files": FileRecord,
    "batches": Batch,
    "listing": ListedDocuments,
    "operations": LedgerEntry,
    "pages": PageResult,
    "ranges": RememberedRange,
    "reconcile": ReconcileState,
    "window": WindowEntry,
}

SAMPLES: Mapping[object, Any] = {
    str: "x",
    int: 1,
    int | None: 1,
    datetime: datetime(2026, 1, 1, tzinfo=UTC),
    Change: Change.CHANGED,
    Slot: Slot.UPLOAD,
    FileStatus: FileStatus.FAILED,
    FailureKind: FailureKind.EXHAUSTED,
    SkipReason: SkipReason.EMPTY,
    Sequence[FileStatus]: (FileStatus.FAILED, FileStatus.SKIPPED),
}


def written_queries() -> Iterator[Query]:
    """One of each that shared/gateways/database/queries.py can make."""
    for name, make in inspect.getmembers(queries, inspect.isfunction):
        if make.__module__ == queries.__name__ and make is not queries.below:
            hints = get_type_hints(make)
            assert hints.pop("return") is Query, name
            yield from _calls(make, hints)


def queries_of_a_part() -> Iterator[tuple[Query, Sequence[str]]]:
    """What a sync with a prefix asks about its own files, with the fields that are summed."""
    now, slot = SAMPLES[datetime], Slot.UPLOAD
    for query in (
        queries.ready(now, 1),
        queries.ready_for(slot, now, 1),
        queries.cheapest(slot, 1),
        queries.dearer_than(1, slot, 1),
        queries.waiting_for(slot),
        queries.with_status(FileStatus.FAILED, limit=1),
        queries.failed_and_eligible(now, 1),
        queries.to_import(),
    ):
        yield queries.below("x", query), ()
    yield queries.below("x", queries.to_import()), [queries.DESIRED_TOKENS]


def _calls(make: Callable[..., Query], hints: Mapping[str, object]) -> Iterator[Query]:
    parameters = inspect.signature(make).parameters.values()
    samples = [SAMPLES[hints[each.name]] for each in parameters if each.kind < each.KEYWORD_ONLY]
    yield make(*samples)
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        yield make(*samples, FileStatus.PENDING)


@pytest.fixture(scope="module")
def made() -> list[tuple[Query, Sequence[str]]]:
    """The queries of a few syncs and all looks at them, with the fields that are summed."""
    seen: list[tuple[Query, Sequence[str]]] = []

    class Watched(MemoryDocuments):
        def query(self, query: Query) -> list[Any]:
            seen.append((query, ()))
            return super().query(query)

        def count(self, query: Query) -> int:
            seen.append((query, ()))
            return super().count(query)

        def sums(self, query: Query, names: Sequence[str]) -> dict[str, float]:
            seen.append((query, names))
            return super().sums(query, names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.world.MemoryDocuments", Watched)
        world = World()
    world.put({f"{n}.md": f"# {n}\n" for n in range(4)})
    batch_id = world.sync()["batch_id"]
    world.bucket.delete("1.md")
    world.sync(max_estimated_cost=1.0)
    world.sync(dry_run=True, mode="retry_failed")
    world.put({f"{n}.md": f"# {n} again\n" for n in range(4)})
    world.use(world.context_with(max_cost_per_day=1e-6, max_imports_per_sync=3))
    assert world.sync()["hold"]["reason"] == "budget"
    for status in (None, FileStatus.INDEXED):
        page = world.report.files(batch_id, status, "", 1)
        assert page is not None
        world.report.files(batch_id, status, page["next_page_token"], 1)
    world.report.history(world.report.history("", 1)["next_page_token"], 1)
    return [*seen, *((query, ()) for query in written_queries()), *queries_of_a_part()]


def has_field(record: type, name: str) -> bool:
    """Whether a record has the field, which is in a value object of it where the name is dotted."""
    first, dot, rest = name.partition(".")
    hint = get_type_hints(record).get(first)
    parts = [part for part in (hint, *get_args(hint)) if is_dataclass(part)]
    if dot:
        return any(has_field(part, rest) for part in parts if isinstance(part, type))
    return hint is not None and not parts


@pytest.fixture(scope="module")
def wanted(made: list[tuple[Query, Sequence[str]]]) -> set[Index]:
    return {index for query, summed in made for index in needed(query, summed)}


def planned_composites(plan: Plan) -> set[Index]:
    return {
        Index(each["collection"], tuple((f["field_path"], f["order"]) for f in each["fields"]))
        for each in plan.of_type("google_firestore_index").values()
    }


def planned_singles(plan: Plan) -> set[Index]:
    return {
        Index(each["collection"], ((each["field"], index["order"]),))
        for each in plan.of_type("google_firestore_field").values()
        for config in each["index_config"]
        for index in config["indexes"]
    }


@pytest.mark.terraform
def test_every_query_has_its_index_and_no_index_is_without_a_query(
    plan: Plan, wanted: set[Index]
) -> None:
    composites = {index for index in wanted if len(index.fields) > 1}
    assert planned_composites(plan) == composites
    assert planned_singles(plan) == wanted - composites


@pytest.mark.terraform
def test_the_local_firestore_reads_what_terraform_plans(plan: Plan) -> None:
    read = IndexSet.from_json(firestore_indexes())
    configured = {as_text(index) for index in read.configured()}
    assert configured == planned_composites(plan) | planned_singles(plan)
    fields = list(plan.of_type("google_firestore_field").values())
    assert {each["collection"] for each in fields if each["ttl_config"]} == set(read.expiring)
    for each in fields:
        if each["field"] == "*":
            assert read.single(each["collection"], ("any",)) == frozenset()


def test_the_service_serves_every_query_of_the_code(
    made: list[tuple[Query, Sequence[str]]],
) -> None:
    indexes = IndexSet.from_json(firestore_indexes())
    assert [said for query, summed in made for said in refusals(query, summed, indexes)] == []


def test_a_query_without_its_index_fails_the_first_test_that_makes_it() -> None:
    world = World()
    with pytest.raises(Refused, match=r"index files: current[.]tokens ASC"):
        world.documents.query(Query("files", (Where("current.tokens", Op.EQ, 1),)))


def test_a_query_without_its_index_says_what_to_add(wanted: set[Index]) -> None:
    indexes = IndexSet.from_json(firestore_indexes())
    where = (Where("status", Op.EQ, "failed"), Where("current.tokens", Op.GE, 1))
    (said,) = refusals(Query("files", where, ("current.tokens",)), (), indexes)
    assert "files: status ASCENDING, current.tokens ASCENDING" in said
    assert {index.collection for index in wanted} <= set(COLLECTIONS)


@pytest.mark.terraform
def test_a_forgotten_index_is_noticed(plan: Plan, wanted: set[Index]) -> None:
    planned = planned_composites(plan) | planned_singles(plan)
    for index in planned:
        assert planned - {index} != wanted


@pytest.mark.terraform
def test_all_other_fields_are_exempt_and_what_has_an_end_ends(plan: Plan) -> None:
    fields = list(plan.of_type("google_firestore_field").values())
    exempt = {each["collection"] for each in fields if each["field"] == "*"}
    ending = {each["collection"] for each in fields if each["ttl_config"]}
    assert exempt == set(COLLECTIONS)
    assert ending == {
        name for name, record in COLLECTIONS.items() if "expires_at" in get_type_hints(record)
    }
    assert "expires_at" not in get_type_hints(Deployment)


def test_every_field_that_is_asked_for_is_one_that_records_have(wanted: set[Index]) -> None:
    for index in wanted:
        for name, _ in index.fields:
            assert has_field(COLLECTIONS[index.collection], name), index


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("status", True),
        ("schedule.slot", True),
        ("schedule.task.queue", True),  # where there may be none
        ("current.size", True),
        ("schedule", False),  # a value object, whole
        ("slot", False),
        ("schedule.queue", False),
        ("schedule.task.queue.id", False),
        ("status.value", False),
        ("path.", False),
    ],
)
def test_a_dotted_name_is_looked_for_in_value_objects(name: str, *, is_known: bool) -> None:
    assert has_field(FileRecord, name) is is_known


@pytest.mark.parametrize(
    ("query", "summed", "indexes"),
    [
        (Query("c"), (), set()),
        (Query("c", (Where("a", Op.EQ, 1),)), (), {(("a", ASCENDING),)}),
        (Query("c", (Where("a", Op.GE, 1),), ("a",)), (), {(("a", ASCENDING),)}),
        (Query("d/x/c", (), ("-a",)), (), {(("a", DESCENDING),)}),
        (
            Query("c", (Where("b", Op.LE, 1), Where("a", Op.IN, [1])), ("-b",)),
            (),
            {(("a", ASCENDING), ("b", DESCENDING))},
        ),
        (
            Query("c", (Where("b", Op.EQ, 1), Where("a", Op.EQ, 1))),
            (),
            {(("a", ASCENDING), ("b", ASCENDING))},
        ),
        (
            Query("c", (Where("a", Op.EQ, 1),)),
            ("x", "y"),
            {(("a", ASCENDING), ("x", ASCENDING)), (("a", ASCENDING), ("y", ASCENDING))},
        ),
    ],
)
def test_the_index_of_a_query_follows_firestores_rules(
    query: Query, summed: Sequence[str], indexes: set[tuple[tuple[str, str], ...]]
) -> None:
    assert needed(query, summed) == {Index("c", fields) for fields in indexes}
