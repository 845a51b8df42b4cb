"""What becomes of Firestore's errors; the contract tests see those the emulator can make."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from unittest import mock

import pytest
from google.api_core import exceptions
from google.cloud import firestore

from shared.domain.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Forbidden,
    GatewayError,
    NotFound,
    OutcomeUnknown,
    Unavailable,
)
from shared.gateways.database.firestore import FirestoreDocuments
from shared.gateways.ports import Create, Delete, Put, Query, Update, Write

LOST = exceptions.ServiceUnavailable("lost")
BUSY = exceptions.ResourceExhausted("busy")
STALE = exceptions.FailedPrecondition("stale")
TAKEN = exceptions.AlreadyExists("taken")
ABORTED = exceptions.Aborted("contention")

Outcome = Exception | list[object]


class Script:
    """Stands in for the requests of a client: each meets the next outcome."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes: Iterator[Outcome] = iter(outcomes)
        self.sent = 0

    def __call__(self, *_: object, **options: object) -> object:
        assert options["timeout"], "every request needs a timeout"
        self.sent += 1
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture(autouse=True)
def _waiting_passes_at_once() -> Iterator[None]:
    with mock.patch("time.sleep"):
        yield


def over(script: Script, *, patience: float = 60.0) -> FirestoreDocuments:
    client = mock.create_autospec(firestore.Client, instance=True)
    client.get_all = script
    client.batch.return_value.commit = script
    return FirestoreDocuments(client, patience=patience)


PUT = Put("files/a", {"n": 1})
CREATE = Create("files/a", {"n": 1})
UPDATE = Update("files/a", {"n": 1})
GUARDED = Update("files/b", {"n": 1}, if_version="v")


@pytest.mark.parametrize(
    ("write", "answer", "error"),
    [
        (UPDATE, STALE, Conflict),
        (UPDATE, exceptions.NotFound("no entity"), Conflict),
        (UPDATE, ABORTED, Conflict),
        (UPDATE, exceptions.Conflict("409"), Conflict),
        (CREATE, TAKEN, AlreadyExists),
        (CREATE, exceptions.Conflict("409"), AlreadyExists),
        (CREATE, ABORTED, Conflict),
        (CREATE, STALE, Conflict),
        (PUT, exceptions.DeadlineExceeded("late"), OutcomeUnknown),
        (PUT, exceptions.InternalServerError("oops"), OutcomeUnknown),
        (PUT, exceptions.Unknown("?"), OutcomeUnknown),
        (PUT, exceptions.Cancelled("cut"), OutcomeUnknown),
        (PUT, exceptions.InvalidArgument("too large"), BadRequest),
        (PUT, exceptions.PermissionDenied("no"), Forbidden),
        (PUT, exceptions.Unauthenticated("who"), Forbidden),
    ],
)
def test_a_commits_error_is_told_by_its_type(
    write: Write, answer: Exception, error: type[Exception]
) -> None:
    script = Script(answer)
    with pytest.raises(error) as caught:
        over(script).commit([write])
    assert type(caught.value) is error
    assert caught.value.__cause__ is answer
    assert script.sent == 1


@pytest.mark.parametrize("write", [PUT, CREATE, UPDATE, GUARDED, Delete("files/a")])
@pytest.mark.parametrize("failure", [LOST, BUSY])
def test_a_commit_is_repeated(write: Write, failure: Exception) -> None:
    script = Script(failure, failure, [mock.Mock(update_time="v")])
    documents = over(script)
    documents.commit([write])
    assert script.sent == 3
    assert documents.writes == 1


@pytest.mark.parametrize("answer", [STALE, TAKEN, ABORTED, exceptions.PermissionDenied("late")])
def test_a_repetition_that_fails_may_be_failing_for_the_try_that_was_lost(
    answer: Exception,
) -> None:
    with pytest.raises(OutcomeUnknown):
        over(Script(LOST, answer)).commit([CREATE])


def test_a_repetition_after_a_refusal_fails_for_its_own_reasons() -> None:
    with pytest.raises(AlreadyExists):
        over(Script(BUSY, TAKEN)).commit([CREATE])


@pytest.mark.parametrize(("failure", "error"), [(LOST, OutcomeUnknown), (BUSY, Unavailable)])
def test_patience_with_a_commit_ends(failure: Exception, error: type[GatewayError]) -> None:
    with pytest.raises(error) as caught:
        over(Script(failure), patience=1e-9).commit([PUT])
    assert type(caught.value) is error
    assert caught.value.code in (429, 503)


@pytest.mark.parametrize("failure", [LOST, BUSY, ABORTED, exceptions.InternalServerError("oops")])
def test_a_read_is_repeated_for_a_while(failure: Exception) -> None:
    script = Script(failure, [])
    with pytest.raises(KeyError):  # the script's answer names no document
        over(script).get("files/a")
    assert script.sent == 2

    with pytest.raises(Unavailable):
        over(Script(failure), patience=1e-9).get("files/a")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (exceptions.DeadlineExceeded("late"), Unavailable),
        (exceptions.NotFound("no such database"), NotFound),
        (exceptions.FailedPrecondition("no such index"), BadRequest),
        (exceptions.PermissionDenied("no"), Forbidden),
        (exceptions.GoogleAPICallError("of no status"), Unavailable),
    ],
)
def test_a_reads_error_is_told_by_its_type(answer: Exception, error: type[GatewayError]) -> None:
    with pytest.raises(error) as caught:
        over(Script(answer)).get("files/a")
    assert type(caught.value) is error
    assert caught.value.call == "get_all"


REQUESTS: dict[str, Callable[[FirestoreDocuments], object]] = {
    "get": lambda documents: documents.get("files/a"),
    "query": lambda documents: documents.query(Query("files")),
    "count": lambda documents: documents.count(Query("files")),
    "sums": lambda documents: documents.sums(Query("files"), ["n"]),
    "commit": lambda documents: documents.commit([PUT]),
}


@pytest.mark.parametrize("call", REQUESTS)
def test_a_database_that_cannot_be_reached_is_unavailable(call: str) -> None:
    with socket.socket() as closed:  # bound but not listening: refuses whoever comes
        closed.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        with mock.patch.dict("os.environ", FIRESTORE_EMULATOR_HOST=host):
            client = firestore.Client(project="demo-unreachable")
        error = OutcomeUnknown if call == "commit" else Unavailable
        documents = FirestoreDocuments(client, patience=0.2)
        with closing(documents), pytest.raises(error):
            REQUESTS[call](documents)
        assert (documents.reads, documents.writes) == (0, 0)
