"""Transactions: what one has read, no other changes; contention is ABORTED, and nothing is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import firestore

from local.firestore.engine.transactions import IDLE_LIMIT, TIME_LIMIT, Transactions
from local.firestore.query.query import Query
from local.firestore.refusals import Code, Refused
from tests.patience import PATIENCE


def test_eight_writers_lose_no_increment(client: firestore.Client) -> None:
    counter = client.document("counters/one")
    counter.set({"n": 0})

    @firestore.transactional
    def add(transaction: firestore.Transaction) -> None:
        seen = counter.get(transaction=transaction).to_dict() or {}
        transaction.update(counter, {"n": seen["n"] + 1})

    def work() -> None:
        for _ in range(25):
            add(client.transaction(max_attempts=50))

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(8)]:
            future.result(PATIENCE)
    assert counter.get().to_dict() == {"n": 200}


def test_a_commit_waits_until_a_transaction_that_has_read_ends(client: firestore.Client) -> None:
    a = client.document("files/a")
    a.set({"n": 1})
    transaction = client.transaction()
    transaction._begin()
    a.get(transaction=transaction)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(a.set, {"n": 2})
        assert not _done(waiting)
        transaction.set(client.document("files/b"), {"n": 1})
        transaction._commit()
        waiting.result(PATIENCE)
    assert a.get().to_dict() == {"n": 2}


def _done(future: Any) -> bool:
    waited = threading.Event()
    future.add_done_callback(lambda _: waited.set())
    return waited.wait(0.2)


def test_a_query_keeps_its_collection_from_changing(client: firestore.Client) -> None:
    transaction, files = client.transaction(), client.collection("files")
    transaction._begin()
    assert list(files.stream(transaction=transaction)) == []
    with pytest.raises(exceptions.Aborted, match="contention"):
        files.document("new").set({"n": 1}, retry=None)
    client.document("others/x").set({})
    transaction._rollback()
    files.document("new").set({"n": 1})


def test_an_older_transaction_takes_the_locks_of_a_younger_one(client: firestore.Client) -> None:
    a = client.document("files/a")
    a.set({"n": 1})
    older, younger = client.transaction(), client.transaction()
    older._begin()
    younger._begin()
    a.get(transaction=younger)
    a.get(transaction=older)
    older.set(a, {"n": 2})
    older._commit()
    younger.set(a, {"n": 3})
    with pytest.raises(exceptions.Aborted):
        younger._commit()
    assert a.get().to_dict() == {"n": 2}


def test_a_read_only_transaction_reads_the_past_and_writes_nothing(
    client: firestore.Client,
) -> None:
    a = client.document("files/a")
    a.set({"n": 1})
    reader = client.transaction(read_only=True)
    reader._begin()
    a.set({"n": 2})
    client.document("files/b").set({"n": 1})
    assert a.get(transaction=reader).to_dict() == {"n": 1}
    found = client.collection("files").stream(transaction=reader)
    assert [each.to_dict() for each in found] == [{"n": 1}]
    reader._rollback()
    assert a.get().to_dict() == {"n": 2}


def test_an_ended_transaction_is_refused(client: firestore.Client) -> None:
    transaction = client.transaction()
    transaction._begin()
    known = transaction._id
    transaction._rollback()
    transaction._id = known
    with pytest.raises(exceptions.InvalidArgument):
        client.document("files/a").get(transaction=transaction)


# --- the rules ------------------------------------------------------------------------------


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def test_what_was_read_blocks_the_younger_and_is_lost_to_the_older() -> None:
    transactions = Transactions(Clock())
    first, second = transactions.begin(), transactions.begin()
    first.documents.add("c/a")
    second.documents.update(["c/a", "c/b"])
    assert transactions.blockers(["c/a"], second.age, second) == [first]
    assert transactions.blockers(["c/b"], first.age, first) == []
    with pytest.raises(Refused) as caught:
        transactions.used(second.name)
    assert caught.value.code is Code.ABORTED


def test_a_transaction_that_is_tried_again_keeps_its_age() -> None:
    transactions = Transactions(Clock())
    first, second = transactions.begin(), transactions.begin()
    transactions.end(first.name)
    assert transactions.begin(retried=first.name).age == first.age < second.age


def test_a_query_locks_what_it_could_find() -> None:
    transaction = Transactions(Clock()).begin()
    transaction.queries += [
        Query(collection="c"),
        Query(collection="g", descendants=True),
        Query(collection="p", parent="d/x"),
    ]
    held = [
        path for path in ("c/a", "c/a/c/b", "x/y/g/a", "p/a", "d/x/p/a") if transaction.holds(path)
    ]
    assert held == ["c/a", "x/y/g/a", "d/x/p/a"]


@pytest.mark.parametrize(("used", "passed"), [(False, IDLE_LIMIT + 1), (True, TIME_LIMIT + 1)])
def test_a_forgotten_transaction_ends(*, used: bool, passed: int) -> None:
    clock = Clock()
    transactions = Transactions(clock)
    transaction = transactions.begin()
    transaction.documents.add("c/a")
    for _ in range(10):
        clock.now += passed // 10
        if used and clock.now <= TIME_LIMIT:
            transactions.used(transaction.name)
    clock.now += 10
    assert transactions.blockers(["c/a"], transactions.next_age(), None) == []
    with pytest.raises(Refused, match="closed"):
        transactions.used(transaction.name)
