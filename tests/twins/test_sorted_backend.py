"""The backend that keeps index entries finds what the plain one finds, whatever came in between."""

from __future__ import annotations

import random

import pytest

from local.firestore.engine.database import Database
from local.firestore.engine.write import Write
from local.firestore.indexes.index_set import Index, IndexSet, Mode
from local.firestore.query.query import Filter, Junction, Op, Order, Query
from local.firestore.storage.memory import MemoryBackend
from tests.twins import sorted_backend
from tests.twins.sorted_backend import SortedBackend

UP, DOWN = Mode.ASCENDING, Mode.DESCENDING
STATUS, SIZE, TAGS = ("status",), ("inner", "size"), ("tags",)
INDEXES = IndexSet(
    (
        Index("files", ((STATUS, UP), (SIZE, DOWN))),
        Index("files", ((TAGS, Mode.CONTAINS), (SIZE, UP))),
        Index("files", ((STATUS, UP), (SIZE, UP)), group=True),
    ),
    {
        ("files", STATUS): frozenset({(UP, False), (UP, True)}),
        ("files", SIZE): frozenset({(UP, False), (DOWN, False), (UP, True)}),
    },
)
QUERIES = [
    Query(collection="files", where=Filter(STATUS, Op.EQ, "new")),
    Query(
        collection="files",
        where=Filter(STATUS, Op.IN, ["new", "old"]),
        order_by=(Order(SIZE, descending=True),),
    ),
    Query(
        collection="files",
        where=Junction(
            is_or=False, parts=(Filter(TAGS, Op.ARRAY_CONTAINS, "a"), Filter(SIZE, Op.GE, 2))
        ),
        order_by=(Order(SIZE),),
    ),
    Query(
        collection="files",
        descendants=True,
        where=Junction(is_or=False, parts=(Filter(STATUS, Op.EQ, "old"), Filter(SIZE, Op.LT, 4))),
        order_by=(Order(SIZE),),
    ),
    Query(collection="files"),
]


def written(chance: random.Random) -> Write:
    """Any change of any document: whole, of some fields, or its end."""
    path = chance.choice(("", "batches/b/")) + f"files/{chance.randrange(12)}"
    status = {"status": chance.choice(("new", "old"))}
    inner = {"inner": {"size": chance.choice((1, 2, 2.0, 5, "text", None))}}
    tags = {"tags": chance.choice((["a"], ["a", "b"], [], "a"))}
    match chance.randrange(6):
        case 0:
            return Write(path, None)
        case 1:
            return Write(path, status, mask=(("status",),))
        case 2:
            return Write(path, inner, mask=(("inner", "size"),))
        case 3:
            return Write(path, tags | status)
        case _:
            return Write(path, status | inner | tags)


@pytest.mark.parametrize("most", [1, 7, 5_000])
@pytest.mark.parametrize("seed", range(8))
def test_it_finds_what_the_plain_backend_finds(
    seed: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorted_backend, "MOST_CHANGES", most)
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    plain = Database(MemoryBackend(), clock=lambda: 0, indexes=INDEXES)
    kept = Database(SortedBackend(), clock=lambda: 0, indexes=INDEXES)
    for _ in range(150):
        writes = [written(chance) for _ in range(chance.randrange(1, 5))]
        assert kept.commit(writes) == plain.commit(writes)
        if chance.random() < 0.4:
            query = chance.choice(QUERIES)
            assert kept.query(query) == plain.query(query)
    for query in QUERIES:
        assert kept.query(query) == plain.query(query)
