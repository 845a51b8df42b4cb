"""Commits, times and the past, over both backends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from local.firestore.engine.backend import Backend
from local.firestore.engine.database import Database
from local.firestore.engine.history import KEPT, History
from local.firestore.engine.write import Change, Transform, Write
from local.firestore.query.query import Query
from local.firestore.refusals import Code, Refused
from local.firestore.storage.memory import MemoryBackend
from local.firestore.storage.sqlite import SqliteBackend
from local.firestore.storage.state_file import StateFile

FILES = Query(collection="files")


class Clock:
    now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture(params=["memory", "sqlite"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    if request.param == "memory":
        yield MemoryBackend()
        return
    with closing(StateFile(None, None)) as file:
        yield SqliteBackend(file, "projects/p/databases/d")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(backend: Backend, clock: Clock) -> Database:
    return Database(backend, clock, history=History(clock()))


def put(database: Database, path: str, n: int) -> int:
    return database.commit([Write(path, {"n": n})]).time


def test_times_grow_whatever_the_clock_does(database: Database, clock: Clock) -> None:
    times: list[int] = []
    for step in (0, 0, -500, 500, -500):
        clock.now += step
        times += [put(database, "files/a", len(times)), database.now()]
    assert times == sorted(times)
    assert len({*times[::2]}) == 5
    assert all(read < written for read, written in zip(times[1::2], times[2::2], strict=False))


def test_a_commit_is_whole_or_nothing(database: Database) -> None:
    put(database, "files/a", 1)
    with pytest.raises(Refused) as caught:
        database.commit([Write("new/b", {"n": 1}), Write("files/a", {"n": 2}, exists=False)])
    assert caught.value.code is Code.ALREADY_EXISTS
    assert database.get("new/b") is None
    put(database, "new/b", 2)
    assert [each.fields for each in database.query(Query(collection="new"))] == [{"n": 2}]


def test_writes_of_one_document_follow_each_other(database: Database) -> None:
    increment = Transform(("n",), Change.INCREMENT, 1)
    once = Write("files/a", {}, mask=(), transforms=(increment,))
    results = database.commit([once, once, Write("files/a", None), once]).results
    assert [each.transformed for each in results] == [(1,), (2,), (), (1,)]
    found = database.get("files/a")
    assert found is not None
    assert found.fields == {"n": 1}


def test_the_time_of_a_commit_has_milliseconds(database: Database, clock: Clock) -> None:
    clock.now = 1_234_567
    database.commit([Write("files/a", {}, transforms=(Transform(("at",), Change.TIME),))])
    found = database.get("files/a")
    assert found is not None
    assert found.fields == {"at": datetime(1970, 1, 1, 0, 0, 1, 234_000, tzinfo=UTC)}
    assert found.updated == 1_234_567


def test_the_past_stays_as_it_was(database: Database, clock: Clock) -> None:
    put(database, "files/a", 1)
    then = database.now()
    database.commit([Write("files/a", None), Write("files/b", {"n": 1})])
    found = database.get("files/a", then)
    assert found is not None
    assert database.get("files/b", then) is None
    assert [each.path for each in database.query(FILES, then)] == ["files/a"]
    assert [each.path for each in database.query(FILES)] == ["files/b"]
    clock.now += 2 * KEPT
    put(database, "files/b", 2)
    with pytest.raises(Refused, match="too old"):
        database.query(FILES, then)


def test_missing_documents_and_collections_are_known_by_what_is_below(database: Database) -> None:
    database.commit([Write(path, {}) for path in ("a/1", "a/2/b/1", "c/x/d/y/e/z")])
    assert database.collection_ids("") == ["a", "c"]
    assert database.collection_ids("c/x") == ["d"]
    assert database.missing_ids("a") == ["2"]
    assert database.missing_ids("c/x/d") == ["y"]
    group = Query(collection="b", descendants=True)
    assert [each.path for each in database.query(group)] == ["a/2/b/1"]
    everything = Query(collection=None, descendants=True)
    assert len(database.query(everything)) == 3
    below = Query(collection=None, parent="c/x", descendants=True)
    assert [each.path for each in database.query(below)] == ["c/x/d/y/e/z"]
