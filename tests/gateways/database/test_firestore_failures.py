"""What becomes of Firestore's errors; the contract tests see those the emulator can make."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from unittest import mock

import pytest
from google.api_core import exceptions
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud import firestore
from google.cloud.firestore_v1.aggregation import AggregationQuery

from shared.domain.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    GatewayError,
    NotSetUp,
    OutcomeUnknown,
    Unavailable,
)
from shared.gateways.database.firestore import FirestoreDocuments
from shared.gateways.ports import Create, Delete, Op, Put, Query, Update, Where, Write

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
VERSION = "2026-01-01T00:00:00.123456789Z"
GUARDED = Update("files/b", {"n": 1}, if_version=VERSION)


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
        (PUT, exceptions.PermissionDenied("no"), NotSetUp),
        (PUT, exceptions.Unauthenticated("who"), NotSetUp),
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
    updated = DatetimeWithNanoseconds.from_rfc3339(VERSION)
    script = Script(failure, failure, [mock.Mock(update_time=updated)])
    documents = over(script)
    assert documents.commit([write]) == [VERSION]
    assert script.sent == 3
    assert documents.writes == 1


@pytest.mark.parametrize("version", ["v", "", 7, datetime(2026, 1, 1, tzinfo=UTC)])
def test_a_version_that_no_document_can_have_is_a_conflict(version: object) -> None:
    script = Script()
    with pytest.raises(Conflict):
        over(script).commit([Update("files/b", {"n": 1}, if_version=version)])
    assert script.sent == 0


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
        (exceptions.NotFound("no such database"), NotSetUp),
        (exceptions.FailedPrecondition("in another mode"), BadRequest),
        (exceptions.PermissionDenied("no"), NotSetUp),
        (exceptions.GoogleAPICallError("of no status"), Unavailable),
    ],
)
def test_a_reads_error_is_told_by_its_type(answer: Exception, error: type[GatewayError]) -> None:
    with pytest.raises(error) as caught:
        over(Script(answer)).get("files/a")
    assert type(caught.value) is error
    assert caught.value.call == "firestore.get_all"


SELECTED = Query("files", (Where("status", Op.EQ, "failed"),), ("path",))


def test_a_denial_names_the_grant_and_the_database() -> None:
    with pytest.raises(NotSetUp, match=r"roles/datastore\.user.*'\(default\)'") as caught:
        over(Script(exceptions.PermissionDenied("Missing or insufficient permissions."))).get("a/b")
    assert "Gemini" not in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (lambda each: each.query(SELECTED), "'files' (status, path)"),
        (lambda each: each.count(replace(SELECTED, order_by=())), "'files' (status)"),
        (
            lambda each: each.sums(replace(SELECTED, order_by=()), ["cost"]),
            "'files' (status, cost)",
        ),
    ],
)
def test_a_missing_index_is_named(
    request_: Callable[[FirestoreDocuments], object], named: str
) -> None:
    client = mock.MagicMock(spec=firestore.Client)
    refused = exceptions.FailedPrecondition("The query requires an index.")
    with (
        mock.patch.object(firestore.Query, "get", side_effect=refused),
        mock.patch.object(AggregationQuery, "get", side_effect=refused),
        pytest.raises(NotSetUp) as caught,
    ):
        request_(FirestoreDocuments(client))
    assert f"lacks an index of {named}" in caught.value.missing
    assert caught.value.call.startswith("firestore.")


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
