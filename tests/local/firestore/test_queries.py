"""A query finds what a plain search and sort finds, whatever indexes it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from local.firestore.engine.database import Database
from local.firestore.engine.write import Write
from local.firestore.indexes.index_set import IndexSet, definition
from local.firestore.indexes.planning import plan
from local.firestore.indexes.rules import own_index, shapes
from local.firestore.indexes.scan import Scan
from local.firestore.query.aggregation import Aggregation, Kind, total
from local.firestore.query.document import Document
from local.firestore.query.field_path import parsed
from local.firestore.query.query import Cursor, Filter, Junction, Op, Order, Query
from local.firestore.query.validity import check
from local.firestore.refusals import Code, Refused
from local.firestore.storage.memory import MemoryBackend
from local.firestore.storage.sqlite import Row, SqliteBackend
from local.firestore.storage.state_file import StateFile
from local.firestore.values.kinds import Fields, Reference, identical
from tests.local.firestore.queries import DOCUMENTS, found_by, queries

DATABASE = "projects/p/databases/d"

T = TypeVar("T")


def is_valid(query: Query) -> bool:
    try:
        check(query)
    except Refused:
        return False
    return True


def written(database: Database, documents: list[Fields]) -> list[Document]:
    paths = [f"files/{number:02}" for number in range(len(documents))]
    writes = [Write(path, fields) for path, fields in zip(paths, documents, strict=True)]
    database.commit([*writes, Write("others/00", {"a": 1}), Write("files/00/files/00", {"a": 1})])
    return [Document(write.path, write.fields or {}, 0, 0) for write in writes]


def own_indexes(query: Query) -> IndexSet:
    """The query's own indexes, so that it reads them."""
    own = [index for shape in shapes(query) if (index := own_index(shape)) is not None]
    return IndexSet(composites=tuple(dict.fromkeys(own)))


@settings(max_examples=300)
@given(DOCUMENTS, queries())
def test_a_query_finds_what_a_plain_search_finds(documents: list[Fields], query: Query) -> None:
    assume(is_valid(query))
    memory = Database(MemoryBackend())
    expected = found_by(written(memory, documents), query)
    assert [each.path for each in memory.query(query)] == expected
    indexes = own_indexes(query)
    with closing(StateFile(None, indexes)) as file:
        for backend in (MemoryBackend(), SqliteBackend(file, DATABASE)):
            database = Database(backend, indexes=indexes)
            written(database, documents)
            assert [each.path for each in database.query(query)] == expected
            assert database.aggregate(query, [Aggregation(Kind.COUNT)]) == [len(expected)]


@settings(max_examples=200)
@given(DOCUMENTS, queries(), st.sampled_from([("a",), ("m", "x")]))
def test_a_sum_out_of_an_index_is_that_of_the_documents(
    documents: list[Fields], query: Query, field: tuple[str, ...]
) -> None:
    query = replace(query, summed=(field,))
    assume(is_valid(query))
    memory = Database(MemoryBackend())
    written(memory, documents)
    wanted = [
        Aggregation(Kind.SUM, field),
        Aggregation(Kind.AVERAGE, field),
        Aggregation(Kind.COUNT),
    ]
    expected = memory.aggregate(query, wanted)
    indexes = own_indexes(query)
    with closing(StateFile(None, indexes)) as file:
        database = Database(SqliteBackend(file, DATABASE), indexes=indexes)
        written(database, documents)
        assert identical(database.aggregate(query, wanted), expected)


@settings(max_examples=100)
@given(DOCUMENTS, DOCUMENTS, queries())
def test_an_index_follows_every_change(
    documents: list[Fields], later: list[Fields], query: Query
) -> None:
    assume(is_valid(query))
    indexes = own_indexes(query)
    with closing(StateFile(None, indexes)) as file:
        database = Database(SqliteBackend(file, DATABASE), indexes=indexes)
        written(database, documents)
        left = written(database, later)
        database.commit([Write(f"files/{n:02}", None) for n in range(len(later), len(documents))])
        assert [each.path for each in database.query(query)] == found_by(left, query)


def test_a_page_reads_only_the_part_of_the_index_that_it_needs() -> None:
    query = Query(
        collection="files",
        where=Filter(("status",), Op.EQ, "new"),
        order_by=(Order(("n",)), Order(("__name__",))),
        start=Cursor((5, Reference("files/05")), before=False),
        limit=2,
    )
    indexes = own_indexes(query)
    planned = plan(query, indexes)
    assert planned is not None
    assert planned.is_sorted
    with closing(StateFile(None, indexes)) as file:
        backend = SqliteBackend(file, DATABASE)
        database = Database(backend, indexes=indexes)
        writes = [Write(f"files/{n:02}", {"status": "new", "n": n}) for n in range(20)]
        database.commit([*writes, Write("files/99", {"status": "old", "n": 6})])
        assert [each.path for each in database.query(query)] == ["files/06", "files/07"]
        read = [each.path for each in backend.scan(planned.scans[0])]
        assert read == [f"files/{n:02}" for n in range(5, 20)]


@pytest.mark.parametrize("other", [Filter(("n",), Op.GE, 1), Filter(("n",), Op.IS_NOT_NULL)])
def test_an_equality_counts_beside_a_range_of_its_field(other: Filter) -> None:
    parts = (Filter(("a",), Op.EQ, 0), other, Filter(("n",), Op.EQ, 2))
    query = Query(collection="files", where=Junction(is_or=False, parts=parts))
    indexes = own_indexes(query)
    with closing(StateFile(None, indexes)) as file:
        database = Database(SqliteBackend(file, DATABASE), indexes=indexes)
        written(database, [{"a": 0, "n": n} for n in range(4)])
        assert [each.path for each in database.query(query)] == ["files/02"]


class Counting(SqliteBackend):
    """A backend that counts what is read of its indexes."""

    read = 0

    def scan(self, scan: Scan) -> Iterator[Row]:
        return map(self._count, super().scan(scan))

    def keys(self, scan: Scan) -> Iterator[bytes]:
        return map(self._count, super().keys(scan))

    def _count(self, entry: T) -> T:
        self.read += 1
        return entry


def test_a_limit_of_several_values_reads_no_more_of_each() -> None:
    query = Query(
        collection="files",
        where=Filter(("status",), Op.IN, ["new", "old"]),
        order_by=(Order(("n",)),),
        offset=1,
        limit=3,
    )
    counted = replace(query, offset=0)
    indexes = own_indexes(query)
    with closing(StateFile(None, indexes)) as file:
        backend = Counting(file, DATABASE)
        database = Database(backend, indexes=indexes)
        statuses = {n: "new" if n % 3 else "old" for n in range(50)}
        database.commit(
            [Write(f"files/{n:02}", {"status": each, "n": n}) for n, each in statuses.items()]
        )
        assert [each.path for each in database.query(query)] == ["files/01", "files/02", "files/03"]
        assert backend.read == 2 * 4
        assert database.aggregate(counted, [Aggregation(Kind.COUNT)]) == [3]
        assert backend.read == 2 * 4 + 2 * 3


def test_a_query_without_its_index_is_refused() -> None:
    database = Database(MemoryBackend(), indexes=IndexSet())
    query = Query(collection="c", where=Filter(("a",), Op.EQ, 1), order_by=(Order(("b",)),))
    with pytest.raises(Refused, match="a ASCENDING, b ASCENDING") as caught:
        database.query(query)
    assert caught.value.code is Code.FAILED_PRECONDITION


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)))
def test_a_sum_is_an_integer_if_it_can_be(numbers: list[int | float]) -> None:
    result = total(numbers)
    whole = all(type(number) is int for number in numbers)
    assert (type(result) is int) is (whole and -(2**63) <= sum(numbers) < 2**63)


def test_sums_and_averages_are_of_documents_that_have_all_fields() -> None:
    database = Database(MemoryBackend())
    written(database, [{"a": 1, "b": 2}, {"a": 5}, {"a": "x", "b": 4}])
    query = Query(collection="files", summed=(("a",), ("b",)))
    figures = [
        Aggregation(Kind.COUNT),
        Aggregation(Kind.SUM, ("a",)),
        Aggregation(Kind.AVERAGE, ("b",)),
    ]
    assert database.aggregate(query, figures) == [2, 1, 3.0]
    assert database.aggregate(Query(collection="none"), [Aggregation(Kind.AVERAGE, ("a",))]) == [
        None
    ]


def test_paths_of_fields_are_read_as_documented() -> None:
    assert parsed("a.b_1") == ("a", "b_1")
    assert parsed("`a.b`.c") == ("a.b", "c")
    assert parsed(r"`a\`b\\`") == (r"a`b\ "[:-1],)
    for wrong in ("", ".", "a.", "a..b", "1a", "a b", "``", "`a", "`a`b"):
        with pytest.raises(Refused, match="Invalid property path"):
            parsed(wrong)


def test_equal_definitions_are_equal() -> None:
    query = Query(collection="c", order_by=(Order(("a",)), Order(("b",), descending=True)))
    (index,) = own_indexes(query).composites
    assert IndexSet.from_json({"indexes": [definition(index)]}).composites == (index,)
