"""Translates errors of the Firestore client, by exception type."""

from __future__ import annotations

from collections.abc import Sequence

from google.api_core import exceptions

from shared.domain.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    GatewayError,
    NotSetUp,
    OutcomeUnknown,
    SyncError,
    Unavailable,
)
from shared.gateways.ports import Query


def indexed_fields(query: Query, summed: str = "") -> str:
    """The collection of a query and the fields that its index needs, as a message names them."""
    names = [where.name for where in query.where]
    names += [name.removeprefix("-") for name in query.order_by]
    listed = ", ".join(dict.fromkeys([*names, *filter(None, [summed])]))
    return f"{query.collection!r} ({listed})"


def read_failure(
    call: str, error: exceptions.GoogleAPIError, *, fields: str, database: str
) -> GatewayError:
    """Translate the error of a read.

    Args:
        call: The port's method.
        error: The final error.
        fields: What a query needs an index of; empty for a read that needs none.
        database: The database's id.
    """
    return _failure(call, _cause(error), lost_as=Unavailable, fields=fields, database=database)


def commit_failure(
    error: exceptions.GoogleAPIError, lost: Sequence[Exception], *, creates: bool, database: str
) -> SyncError:
    """Translate the error of a commit.

    Args:
        error: The final error.
        lost: The errors that led to repetitions.
        creates: Whether the commit was to create a document.
        database: The database's id.
    """
    last = _cause(error)
    if not all(isinstance(one, exceptions.TooManyRequests) for one in lost):
        return _gateway_error(OutcomeUnknown, "commit", last)
    match last:
        case exceptions.Conflict() if creates and not isinstance(last, exceptions.Aborted):
            return AlreadyExists(last.message)
        case exceptions.Conflict() | exceptions.FailedPrecondition() | exceptions.NotFound():
            return Conflict(last.message)
        case _:
            return _failure("commit", last, lost_as=OutcomeUnknown, fields="", database=database)


def _cause(error: exceptions.GoogleAPIError) -> Exception:
    """The error of the last try, if the request was repeated; else the error itself."""
    return error.cause or error if isinstance(error, exceptions.RetryError) else error


def _failure(
    call: str, error: Exception, *, lost_as: type[GatewayError], fields: str, database: str
) -> GatewayError:
    """Translate an error; ``lost_as`` is the class for requests that may have had an effect."""
    match error:
        case exceptions.Unauthorized() | exceptions.Forbidden():
            return _not_set_up(
                call,
                error,
                "Firestore refuses this function's service account: it lacks roles/datastore.user "
                f"(the status function: roles/datastore.viewer) on the database {database!r}. "
                "terraform apply grants it, and a new grant takes a few minutes to count",
            )
        case exceptions.NotFound():  # a missing document is no error
            return _not_set_up(
                call,
                error,
                f"the Firestore database {database!r} does not exist: check FIRESTORE_DATABASE and "
                "PROJECT_ID, and run terraform apply",
            )
        case exceptions.FailedPrecondition() if fields:
            return _not_set_up(
                call,
                error,
                f"Firestore lacks an index of {fields}, or is still building it: terraform apply "
                "creates it, and building it takes minutes, or hours with many records",
            )
        case exceptions.TooManyRequests() | exceptions.Conflict():
            kind: type[GatewayError] = Unavailable
        case exceptions.ClientError() if not isinstance(error, exceptions.Cancelled):
            kind = BadRequest
        case _:
            kind = lost_as
    return _gateway_error(kind, call, error)


def _not_set_up(call: str, error: exceptions.GoogleAPICallError, missing: str) -> NotSetUp:
    return NotSetUp(f"firestore.{call}", missing, code=error.code, status=_status(error))


def _gateway_error(kind: type[GatewayError], call: str, error: Exception) -> GatewayError:
    call = f"firestore.{call}"
    if not isinstance(error, exceptions.GoogleAPICallError):
        return kind(call, detail=str(error))
    return kind(call, code=error.code, status=_status(error), detail=error.message)


def _status(error: exceptions.GoogleAPICallError) -> str:
    return error.grpc_status_code.name if error.grpc_status_code else ""
