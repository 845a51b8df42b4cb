from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest

from shared.domain.errors import AlreadyExists, BadRequest, Conflict
from shared.gateways.database.firestore import FirestoreDocuments
from shared.gateways.ports import (
    Create,
    Delete,
    Fields,
    Op,
    Put,
    Query,
    Snapshot,
    Update,
    Where,
    Write,
)
from tests.patience import PATIENCE
from tests.twins.documents import MemoryDocuments

Documents = MemoryDocuments | FirestoreDocuments

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"


def fields_of(snapshot: Snapshot) -> dict[str, Any]:
    assert snapshot.fields is not None
    return dict(snapshot.fields)


def fill(documents: Documents, collection: str, by_id: dict[str, Fields]) -> None:
    documents.commit([Put(f"{collection}/{name}", fields) for name, fields in by_id.items()])


def ids(found: Iterable[Snapshot]) -> list[str]:
    return [snapshot.path.rpartition("/")[2] for snapshot in found]


def where(name: str, op: Op, value: Any) -> tuple[Where, ...]:
    return (Where(name, op, value),)


# --- reading ------------------------------------------------------------------------------


def test_a_missing_document_has_a_read_time_and_nothing_else(documents: Documents) -> None:
    snapshot = documents.get("files/none")
    assert not snapshot.exists
    assert snapshot.path == "files/none"
    assert snapshot.fields is None
    assert snapshot.version is None
    assert snapshot.read_time.utcoffset() == timedelta(0)


def test_several_documents_come_by_path_missing_and_repeated_ones_included(
    documents: Documents,
) -> None:
    fill(documents, "files", {"a": {"n": 1}, "b": {"n": 2}})
    documents.commit([Put("batches/x/pages/0", {"n": 3})])
    paths = ["files/b", "files/none", "batches/x/pages/0", "files/a", "files/b"]

    found = documents.get_all(paths)

    assert list(found) == ["files/b", "files/none", "batches/x/pages/0", "files/a"]
    assert [snapshot.path for snapshot in found.values()] == list(found)
    assert [found[path].fields for path in paths] == [
        {"n": 2},
        None,
        {"n": 3},
        {"n": 1},
        {"n": 2},
    ]
    assert documents.get_all([]) == {}


def test_read_times_never_go_back_and_are_not_before_what_is_read(documents: Documents) -> None:
    times = []
    for n in range(5):
        (version,) = documents.commit([Put("files/a", {"n": n})])
        snapshot = documents.get("files/a")
        times += [
            snapshot.read_time,
            documents.get("files/none").read_time,
            documents.query(Query("files"))[0].read_time,
        ]
        if isinstance(version, str):  # Firestore's versions are the times of the commits
            assert snapshot.read_time >= datetime.fromisoformat(version)
    assert times == sorted(times)
    assert all(type(time) is datetime for time in times)


@pytest.mark.parametrize(
    "path", ["", "files", "files/", "/files", "files/a/b", "files/..", "files/__a__", "a//b"]
)
def test_a_path_that_names_no_document_is_refused(documents: Documents, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        documents.get(path)
    with pytest.raises(ValueError, match="path"):
        documents.commit([Put(path, {})])


@pytest.mark.parametrize("path", ["", "files/a", "files/a/", "files/../pages"])
def test_a_path_that_names_no_collection_is_refused(documents: Documents, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        documents.query(Query(path))


# --- values -------------------------------------------------------------------------------

VALUES: dict[str, Any] = {
    "text": "Zürich",
    "emoji": "🧪 e\u0301 \x00\n",
    "empty_text": "",
    "whole": 42,
    "zero": 0,
    "largest": 2**63 - 1,
    "smallest": -(2**63),
    "fraction": 0.1,
    "round_fraction": 2.0,
    "tiny": 5e-324,
    "endless": float("inf"),
    "true": True,
    "false": False,
    "nothing": None,
    "time": datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    "long_ago": datetime(1, 1, 1, tzinfo=UTC),
    "list": [1, "two", None, {"three": [3.0, {"four": []}]}],
    "empty_list": [],
    "map": {"a.b": {"c/d": 1, "`": 2, "e f": {}}, "0": "digit", "ключ 🗝": [{"x.y": True}]},
    "empty_map": {},
    "time_in_map": {"at": [datetime(2026, 1, 2, tzinfo=UTC)]},
}


def typed(value: Any) -> Any:
    """The value with the types of all its parts, so that 1, 1.0 and True differ."""
    match value:
        case dict():
            return {key: typed(item) for key, item in value.items()}
        case list():
            return [typed(item) for item in value]
        case datetime():
            return type(value), value, value.utcoffset()
        case _:
            return type(value), value


@pytest.mark.parametrize("write", [Put, Create, Update])
def test_every_value_comes_back_as_it_was(
    documents: Documents, write: type[Put | Create | Update]
) -> None:
    if write is Update:
        documents.commit([Create("files/a", {"text": 1, "map": {"other": 1}})])
    documents.commit([write("files/a", VALUES)])
    assert typed(documents.get("files/a").fields) == typed(VALUES)
    assert typed(documents.query(Query("files"))[0].fields) == typed(VALUES)


def test_kinds_of_values_are_stored_as_their_plain_form(documents: Documents) -> None:
    local = datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=1)))
    documents.commit([Put("files/a", {"colour": Colour.RED, "pair": (1, Colour.RED), "at": local})])
    assert typed(documents.get("files/a").fields) == typed(
        {"colour": "red", "pair": [1, "red"], "at": datetime(2026, 1, 2, tzinfo=UTC)}
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"value": datetime(2026, 1, 1)},  # noqa: DTZ001 - what is refused
        {"value": 2**63},
        {"value": float("nan")},
        {"value": b"bytes"},
        {"value": {1, 2}},
        {"value": [[1]]},
        pytest.param({"value": object()}, id="an object"),
        {"value": "\ud800"},
        {"value": {"": 1}},
        {"value": {1: 1}},
        {"value": {"__type__": 1}},
        {"value": {"deep": b"bytes"}},
        {"two.parts": 1},
        {"": 1},
        {"__name__": 1},
    ],
    ids=str,
)
def test_what_a_document_cannot_hold_is_refused(documents: Documents, fields: Fields) -> None:
    with pytest.raises((TypeError, ValueError)):
        documents.commit([Put("files/a", fields)])
    assert not documents.get("files/a").exists


def test_what_was_given_and_what_was_read_are_copies(documents: Documents) -> None:
    given: dict[str, Any] = {"list": [{"n": 1}], "map": {"n": 1}}
    documents.commit([Put("files/a", given)])
    given["list"][0]["n"] = given["map"]["n"] = 2
    read = fields_of(documents.get("files/a"))
    read["list"][0]["n"] = read["map"]["n"] = 3
    assert documents.get("files/a").fields == {"list": [{"n": 1}], "map": {"n": 1}}


def test_a_document_beyond_a_mebibyte_is_rejected_with_all_beside_it(documents: Documents) -> None:
    half = "x" * 520_000
    documents.commit([Create("files/fits", {"one": half, "two": half})])
    with pytest.raises(BadRequest) as caught:
        documents.commit([Put("files/a", {}), Update("files/fits", {"three": "x" * 10_000})])
    assert caught.value.code == 400
    assert not documents.get("files/a").exists


# --- writing ------------------------------------------------------------------------------


def test_a_document_is_created_once(documents: Documents) -> None:
    documents.commit([Create("files/a", {"n": 1})])
    with pytest.raises(AlreadyExists):
        documents.commit([Create("files/a", {"n": 2})])
    assert documents.get("files/a").fields == {"n": 1}


def test_an_update_sets_the_named_fields_whole_and_leaves_the_others(documents: Documents) -> None:
    documents.commit([Create("files/a", {"n": 1, "kept": "k", "map": {"old": 1}})])
    documents.commit([Update("files/a", {"n": 2, "map": {"new": 1}, "added": []})])
    assert documents.get("files/a").fields == {
        "n": 2,
        "kept": "k",
        "map": {"new": 1},
        "added": [],
    }


def test_a_put_replaces_the_document(documents: Documents) -> None:
    documents.commit([Put("files/a", {"n": 1, "gone": 1})])
    documents.commit([Put("files/a", {"n": 2})])
    assert documents.get("files/a").fields == {"n": 2}


def test_a_document_may_be_empty(documents: Documents) -> None:
    documents.commit([Create("files/a", {}), Put("files/b", {})])
    assert documents.get("files/a").fields == documents.get("files/b").fields == {}


def test_a_deleted_document_is_gone_and_deleting_it_again_is_fine(documents: Documents) -> None:
    documents.commit([Create("files/a", {})])
    assert documents.commit([Delete("files/a")]) == [None]
    assert documents.commit([Delete("files/a")]) == [None]
    assert not documents.get("files/a").exists
    assert documents.query(Query("files")) == []


def test_deleting_a_document_leaves_what_is_below_it(documents: Documents) -> None:
    documents.commit([Create("batches/b", {}), Create("batches/b/pages/0", {"n": 1})])
    documents.commit([Delete("batches/b")])
    assert documents.get("batches/b/pages/0").fields == {"n": 1}


def test_updating_a_missing_document_is_a_conflict(documents: Documents) -> None:
    with pytest.raises(Conflict):
        documents.commit([Update("files/a", {"n": 1})])
    assert not documents.get("files/a").exists


def test_a_commit_returns_the_versions_that_a_read_gives(documents: Documents) -> None:
    documents.commit([Create("files/b", {}), Create("files/d", {})])
    versions = documents.commit(
        [
            Create("files/a", {"n": 1}),
            Update("files/b", {"n": 1}),
            Put("files/c", {"n": 1}),
            Delete("files/d"),
        ]
    )
    found = documents.get_all([f"files/{name}" for name in "abcd"])
    assert versions == [snapshot.version for snapshot in found.values()]
    documents.commit([Update("files/a", {"n": 2}, if_version=versions[0])])


def test_a_conditional_write_holds_only_for_the_version_it_read(documents: Documents) -> None:
    documents.commit([Create("files/a", {"n": 1})])
    first = documents.get("files/a")
    documents.commit([Update("files/a", {"n": 2}, if_version=first.version)])
    second = documents.get("files/a")
    assert second.version != first.version

    for stale in (
        Update("files/a", {"n": 3}, if_version=first.version),
        Delete("files/a", if_version=first.version),
    ):
        with pytest.raises(Conflict):
            documents.commit([stale])
    assert documents.get("files/a").fields == {"n": 2}
    assert documents.get("files/a").version == second.version
    documents.commit([Delete("files/a", if_version=second.version)])
    assert not documents.get("files/a").exists


def test_a_conditional_write_of_a_deleted_document_is_a_conflict(documents: Documents) -> None:
    documents.commit([Create("files/a", {"n": 1})])
    version = documents.get("files/a").version
    documents.commit([Delete("files/a")])
    for write in (
        Update("files/a", {"n": 2}, if_version=version),
        Delete("files/a", if_version=version),
    ):
        with pytest.raises(Conflict):
            documents.commit([write])


def test_a_document_made_anew_has_another_version(documents: Documents) -> None:
    documents.commit([Create("files/a", {"n": 1})])
    version = documents.get("files/a").version
    documents.commit([Delete("files/a")])
    documents.commit([Create("files/a", {"n": 1})])
    with pytest.raises(Conflict):
        documents.commit([Update("files/a", {"n": 2}, if_version=version)])


@pytest.mark.parametrize(
    "write",
    [
        Update("files/a", {"n": 1}),
        Put("files/a", {"n": 1, "map": {"b": 1, "a": [1.5]}}),
        Update("files/a", {"map": {"b": 1, "a": [1.5]}}),
    ],
)
def test_writing_what_is_there_already_makes_no_new_version(
    documents: Documents, write: Write
) -> None:
    (created,) = documents.commit([Create("files/a", {"n": 1, "map": {"a": [1.5], "b": 1}})])
    assert documents.commit([write]) == [created]
    assert documents.get("files/a").version == created


def test_an_update_that_changes_nothing_is_refused_all_the_same_where_another_wrote(
    documents: Documents,
) -> None:
    """What a fence asks of a document that it leaves as it is."""
    (first,) = documents.commit([Create("batches/b", {"fence": 1, "n": 1})])
    same = Update("batches/b", {"fence": 1}, if_version=first)

    assert documents.commit([Put("files/a", {"n": 1}), same])[1] == first
    (second,) = documents.commit([Update("batches/b", {"n": 2})])
    with pytest.raises(Conflict):
        documents.commit([Put("files/a", {"n": 2}), same])

    assert documents.get("files/a").fields == {"n": 1}
    assert documents.get("batches/b").version == second


@pytest.mark.parametrize("value", [1.0, True, "1", None, [1]])
def test_another_type_is_another_value(documents: Documents, value: object) -> None:
    (created,) = documents.commit([Create("files/a", {"n": 1})])
    assert documents.commit([Update("files/a", {"n": value})]) != [created]
    assert typed(documents.get("files/a").fields) == typed({"n": value})


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (Create("files/there", {"n": 2}), AlreadyExists),
        (Update("files/none", {"n": 2}), Conflict),
        (Update("files/there", {"n": 2}, if_version="stale"), Conflict),
        (Delete("files/there", if_version="stale"), Conflict),
        (Put("files/there", {"n": object()}), TypeError),
    ],
)
@pytest.mark.parametrize("last", [True, False])
def test_a_failing_write_leaves_nothing_of_its_commit(
    documents: Documents, failing: Write, error: type[Exception], last: bool
) -> None:
    (stale,) = documents.commit([Create("files/there", {"n": 0})])
    documents.commit([Create("files/gone", {}), Update("files/there", {"n": 1})])
    if isinstance(failing, Update | Delete) and failing.if_version == "stale":
        failing = type(failing)(**{**_arguments(failing), "if_version": stale})
    others: list[Write] = [
        Put("files/new", {"n": 1}),
        Delete("files/gone"),
        Put("batches/b/pages/0", {}),
    ]

    with pytest.raises(error):
        documents.commit([*others, failing] if last else [failing, *others])

    assert ids(documents.query(Query("files"))) == ["gone", "there"]
    assert documents.get("files/there").fields == {"n": 1}
    assert not documents.get("batches/b/pages/0").exists


def _arguments(write: Update | Delete) -> dict[str, Any]:
    return {name: getattr(write, name) for name in write.__dataclass_fields__}


def test_a_commit_takes_five_hundred_writes_and_no_more(documents: Documents) -> None:
    writes = [Put(f"files/{n:03}", {"n": n}) for n in range(501)]
    with pytest.raises(ValueError, match="501"):
        documents.commit(writes)
    assert documents.query(Query("files")) == []

    assert len(documents.commit(writes[:500])) == 500
    assert documents.count(Query("files")) == 500


def test_a_commit_of_nothing_does_nothing(documents: Documents) -> None:
    assert documents.commit([]) == []


def test_a_commit_that_says_nothing_or_too_much_is_refused(documents: Documents) -> None:
    documents.commit([Create("files/a", {})])
    with pytest.raises(ValueError, match="no field"):
        documents.commit([Update("files/a", {})])
    with pytest.raises(ValueError, match="once"):
        documents.commit([Update("files/a", {"n": 1}), Delete("files/a")])


# --- several at once -----------------------------------------------------------------------


def run_together(*works: Callable[[], None]) -> None:
    """Run them in threads of their own, all set off at once; raises what one of them raised."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        barrier.wait(PATIENCE)
        work()

    with ThreadPoolExecutor(len(works)) as pool:
        for future in [pool.submit(run, work) for work in works]:
            future.result(PATIENCE)


def test_reading_deciding_and_writing_conditionally_loses_no_update(documents: Documents) -> None:
    documents.commit([Create("files/a", {"n": 0})])

    def add() -> None:
        done = 0
        while done < 10:
            read = documents.get("files/a")
            try:
                documents.commit(
                    [Update("files/a", {"n": fields_of(read)["n"] + 1}, if_version=read.version)]
                )
            except Conflict:
                continue
            done += 1

    run_together(add, add, add, add)
    assert documents.get("files/a").fields == {"n": 40}


def test_of_several_creators_one_wins(documents: Documents) -> None:
    outcomes: list[str] = []

    def create() -> None:
        try:
            documents.commit([Create("locks/writer", {})])
            outcomes.append("won")
        except (AlreadyExists, Conflict):
            outcomes.append("lost")

    run_together(create, create, create, create)
    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]


# --- queries ------------------------------------------------------------------------------

ROWS: dict[str, Fields] = {
    "a": {"status": "new", "n": 3, "at": NOON},
    "b": {"status": "old", "n": 1, "at": NOON + timedelta(microseconds=1)},
    "c": {"status": "new", "n": 2, "at": NOON - timedelta(days=1)},
    "d": {"status": "new", "n": 2, "at": None},
    "e": {"status": None, "n": 2.5},
    "f": {"n": 2},
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query("rows"), "abcdef"),
        (Query("rows", where("status", Op.EQ, "new")), "acd"),
        (Query("rows", where("status", Op.EQ, Colour.RED)), ""),
        (Query("rows", where("status", Op.EQ, None)), "e"),
        (Query("rows", where("none", Op.EQ, 1)), ""),
        (Query("rows", where("n", Op.EQ, 2.0)), "cdf"),
        (Query("rows", (Where("status", Op.EQ, "new"), Where("n", Op.EQ, 2))), "cd"),
        (Query("rows", where("status", Op.IN, ("old", "new"))), "abcd"),
        (Query("rows", where("n", Op.IN, [1, 3])), "ab"),
        (Query("rows", where("status", Op.IN, ["old", None])), "b"),
        (Query("rows", where("n", Op.GT, 2), ("n",)), "ea"),
        (Query("rows", where("n", Op.GE, 2), ("n",)), "cdfea"),
        (Query("rows", where("n", Op.LT, 2), ("n",)), "b"),
        (Query("rows", where("n", Op.LE, 2), ("-n",)), "fdcb"),
        (Query("rows", (Where("n", Op.GT, 1), Where("n", Op.LT, 3)), ("n",)), "cdfe"),
        (Query("rows", where("at", Op.LE, NOON), ("at",)), "ca"),
        (Query("rows", where("at", Op.GT, NOON), ("at",)), "b"),
        (Query("rows", where("status", Op.GE, ""), ("status",)), "acdb"),
        (
            Query("rows", (Where("status", Op.EQ, "new"), Where("n", Op.LE, 2)), ("n",)),
            "cd",
        ),
        (Query("rows", (), ("n",)), "bcdfea"),
        (Query("rows", (), ("-n",)), "aefdcb"),
        (Query("rows", (), ("at",)), "dcab"),
        (Query("rows", (), ("-at",)), "bacd"),
        (Query("rows", (), ("status", "-n")), "eadcb"),
        (Query("rows", (), ("-status", "n")), "bcdae"),
        (Query("rows", (), ("n",), 3), "bcd"),
        (Query("rows", (), (), 0), ""),
        (Query("rows", limit=100), "abcdef"),
        (Query("rows", limit=2, start_after=("b",)), "cd"),
        (Query("rows", start_after=("bb",)), "cdef"),
        (Query("rows", start_after=("f",)), ""),
        (Query("rows", where("status", Op.EQ, "new"), start_after=("a",)), "cd"),
        (Query("rows", (), ("n",), start_after=(2,)), "ea"),
        (Query("rows", (), ("n",), start_after=(2, "c")), "dfea"),
        (Query("rows", (), ("-n",), start_after=(2, "d")), "cb"),
        (Query("rows", (), ("-n",), 2, start_after=(2.5,)), "fd"),
        (Query("rows", (), ("-at",), start_after=(NOON,)), "cd"),
        (Query("rows", (), ("status", "-n"), start_after=("new", 2)), "b"),
        (Query("rows", (), ("status", "-n"), start_after=("new", 2, "d")), "cb"),
        (Query("rows", where("n", Op.GE, 2), ("n",), 2, start_after=(2, "d")), "fe"),
    ],
    ids=str,
)
def test_a_query_selects_and_orders(documents: Documents, query: Query, expected: str) -> None:
    fill(documents, "rows", ROWS)
    fill(documents, "others", {"z": {"status": "new", "n": 2}})

    found = documents.query(query)

    assert "".join(ids(found)) == expected
    assert [snapshot.fields for snapshot in found] == [ROWS[name] for name in expected]
    assert [snapshot.version for snapshot in found] == [
        documents.get(snapshot.path).version for snapshot in found
    ]


NESTED: dict[str, Fields] = {
    "a": {"plan": {"slot": "x", "n": 2, "task": {"queue": "q", "n": 10}}},
    "b": {"plan": {"slot": "x", "n": 1, "task": None}},
    "c": {"plan": {"slot": "y", "n": 2}},
    "d": {"plan": {"slot": None, "n": 3, "task": {"queue": "q", "n": 5}}},
    "e": {"plan": None, "slot": "x"},
    "f": {"plan": "x"},
    "g": {},
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query("rows", where("plan.slot", Op.EQ, "x")), "ab"),
        (Query("rows", where("plan.slot", Op.EQ, None)), "d"),
        (Query("rows", where("plan.slot", Op.IN, ["x", "y"])), "abc"),
        (Query("rows", where("plan.task.queue", Op.EQ, "q")), "ad"),
        (Query("rows", where("plan.n", Op.LE, 2), ("plan.n",)), "bac"),
        (Query("rows", (), ("-plan.n",)), "dcab"),
        (Query("rows", (), ("plan.n",), start_after=(2, "a")), "cd"),
        (
            Query("rows", (Where("plan.slot", Op.EQ, "x"), Where("plan.n", Op.LE, 1)), ("plan.n",)),
            "b",
        ),
        (
            Query(
                "rows",
                (Where("plan.n", Op.GE, 1), Where("plan.slot", Op.GE, "x")),
                ("-plan.slot", "plan.n"),
            ),
            "cba",
        ),
        (
            Query("rows", where("plan.slot", Op.GE, "x"), ("plan.n", "plan.slot"), limit=2),
            "ba",
        ),
        (
            Query(
                "rows",
                where("plan.slot", Op.GE, "x"),
                ("plan.n", "plan.slot"),
                start_after=(1, "x", "b"),
            ),
            "ac",
        ),
    ],
    ids=str,
)
def test_a_field_of_a_map_is_asked_for_by_a_dotted_name(
    documents: Documents, query: Query, expected: str
) -> None:
    fill(documents, "rows", NESTED)
    assert "".join(ids(documents.query(query))) == expected
    assert documents.count(query) == len(expected)


def test_fields_of_maps_are_summed_by_their_dotted_names(documents: Documents) -> None:
    fill(documents, "rows", NESTED)
    names = ["plan.n", "plan.task.n", "plan.none"]
    assert documents.sums(Query("rows"), names) == {
        "plan.n": 8,
        "plan.task.n": 15,
        "plan.none": 0,
    }
    of_slot = Query("rows", where("plan.slot", Op.EQ, "x"))
    assert documents.sums(of_slot, names[:2]) == {"plan.n": 3, "plan.task.n": 10}


def test_an_update_of_a_map_replaces_all_of_it(documents: Documents) -> None:
    fill(documents, "rows", {"a": {"plan": {"slot": "x", "n": 1}, "other": 1}})
    documents.commit([Update("rows/a", {"plan": {"n": 2}})])
    assert documents.get("rows/a").fields == {"plan": {"n": 2}, "other": 1}
    documents.commit([Update("rows/a", {"plan": None})])
    assert documents.get("rows/a").fields == {"plan": None, "other": 1}


def test_values_are_ordered_by_type_and_text_by_code_points(documents: Documents) -> None:
    ordered: list[Any] = [
        None,
        False,
        True,
        float("-inf"),
        -1,
        0.5,
        1,
        2**60,
        datetime(2020, 1, 1, tzinfo=UTC),
        NOON,
        "",
        "10",
        "9",
        "B",
        "a",
        "é",
        "\uffff",
        "🧪",
        [],
        [1],
        [1, 0],
        ["a"],
        {},
        {"a": 1},
        {"a": 2},
        {"b": 0},
    ]
    fill(documents, "rows", {f"{-n % 26:02}": {"value": value} for n, value in enumerate(ordered)})
    found = documents.query(Query("rows", order_by=("value",)))
    assert typed([fields_of(snapshot)["value"] for snapshot in found]) == typed(ordered)


def test_ids_are_ordered_by_code_points(documents: Documents) -> None:
    ordered = ["10", "9", "B", "Z", "a", "a b", "é", "\uffff", "🧪"]
    fill(documents, "rows", {name: {} for name in reversed(ordered)})
    assert ids(documents.query(Query("rows"))) == ordered
    assert ids(documents.query(Query("rows", start_after=("a",)))) == ordered[5:]


def test_pages_with_the_id_in_the_cursor_meet_every_document_once(documents: Documents) -> None:
    fill(documents, "rows", {f"{n:02}": {"n": n % 3} for n in range(20)})
    whole = ids(documents.query(Query("rows", order_by=("-n",))))
    seen: list[str] = []
    cursor: tuple[Any, ...] | None = None
    while page := documents.query(Query("rows", (), ("-n",), 3, cursor)):
        seen += ids(page)
        cursor = (fields_of(page[-1])["n"], seen[-1])
    assert seen == whole


def test_a_query_sees_one_subcollection_alone(documents: Documents) -> None:
    for path in ("b1/pages/0", "b1/pages/1", "b2/pages/2", "b1/other/3"):
        documents.commit([Put(f"batches/{path}", {"n": int(path[-1])})])
    pages = Query("batches/b1/pages")
    assert [snapshot.path for snapshot in documents.query(pages)] == [
        "batches/b1/pages/0",
        "batches/b1/pages/1",
    ]
    assert ids(documents.query(Query("batches/b1/pages", start_after=("0",)))) == ["1"]
    assert ids(documents.query(Query("batches/b1/pages", order_by=("-n",), limit=1))) == ["1"]
    assert documents.count(pages) == 2
    assert documents.sums(pages, ["n"]) == {"n": 1}
    assert documents.query(Query("batches")) == []


@pytest.mark.parametrize(
    "query",
    [
        Query("rows", where("n", Op.GT, 1)),
        Query("rows", where("n", Op.GT, 1), ("at",)),
        Query("rows", where("n", Op.GT, None), ("n",)),
        Query("rows", (Where("n", Op.GT, 1), Where("at", Op.GT, NOON)), ("n",)),
        Query("rows", where("n", Op.IN, ())),
        Query("rows", where("n", Op.IN, range(31))),
        Query("rows", start_after=()),
        Query("rows", start_after=("a", "b")),
        Query("rows", (), ("n",), start_after=(1, "a", 2)),
    ],
    ids=str,
)
def test_a_query_whose_order_or_range_is_unclear_is_refused(
    documents: Documents, query: Query
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        documents.query(query)


# --- aggregations -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query("rows"), 6),
        (Query("none"), 0),
        (Query("rows", where("status", Op.EQ, "new")), 3),
        (Query("rows", where("n", Op.GE, 2)), 5),
        (Query("rows", limit=4), 4),
        (Query("rows", order_by=("status",)), 5),
        (Query("rows", start_after=("d",)), 2),
    ],
    ids=str,
)
def test_a_count_is_of_what_the_query_selects(
    documents: Documents, query: Query, expected: int
) -> None:
    fill(documents, "rows", ROWS)
    assert documents.count(query) == expected


def test_sums_are_over_the_documents_that_have_the_field(documents: Documents) -> None:
    fill(
        documents,
        "rows",
        {
            "a": {"kind": "x", "one": 1, "two": 10},
            "b": {"kind": "x", "one": 2},
            "c": {"kind": "x", "two": 20},
            "d": {"kind": "y", "one": 4, "two": None},
            "e": {"kind": "y", "one": True, "two": "30"},
        },
    )
    names = ["one", "two", "none"]
    assert documents.sums(Query("rows"), names) == {"one": 7, "two": 30, "none": 0}
    assert documents.sums(Query("rows", where("kind", Op.EQ, "x")), names) == {
        "one": 3,
        "two": 30,
        "none": 0,
    }
    fill(documents, "bills", {"a": {"cost": 0.1}, "b": {"cost": 0.2}, "c": {"cost": 1}})
    assert documents.sums(Query("bills"), ["cost"]) == {"cost": pytest.approx(1.3)}
    assert documents.sums(Query("none"), ["one"]) == {"one": 0}
    assert documents.sums(Query("rows"), []) == {}
    for part in (Query("rows", limit=1), Query("rows", start_after=("a",))):
        with pytest.raises(ValueError, match="part"):
            documents.sums(part, ["one"])


# --- cost ---------------------------------------------------------------------------------


def test_reads_and_writes_are_counted_as_they_are_billed(documents: Documents) -> None:
    fill(documents, "rows", ROWS)
    assert (documents.reads, documents.writes) == (0, 6)
    with pytest.raises(Conflict):
        documents.commit([Update("rows/none", {"n": 1})])
    documents.commit([Delete("rows/none")])
    assert (documents.reads, documents.writes) == (0, 7)

    steps: list[tuple[Callable[[], object], int]] = [
        (lambda: documents.get("rows/a"), 1),
        (lambda: documents.get("rows/none"), 1),
        (lambda: documents.get_all(["rows/a", "rows/none", "rows/a"]), 2),
        (lambda: documents.query(Query("rows", limit=4)), 4),
        (lambda: documents.query(Query("none")), 1),
        (lambda: documents.count(Query("rows")), 1),
        (lambda: documents.sums(Query("rows"), ["n", "at"]), 2),
    ]
    for step, cost in steps:
        before = documents.reads
        step()
        assert documents.reads - before == cost
