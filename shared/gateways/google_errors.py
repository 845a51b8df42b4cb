"""Translates errors of Google Cloud clients, by exception type and status code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import requests
from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError, TransportError

from shared.domain.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    NameTaken,
    NotFound,
    PayerMissing,
    Unavailable,
)

MAX_DETAIL = 500
"""Most characters kept of an error's message."""

_KINDS: Mapping[int, type[GatewayError]] = {
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: NameTaken,
    # The generation is no longer the live one.
    HTTPStatus.PRECONDITION_FAILED: NotFound,
    # Throttled is for Gemini only, whose quota the sync plans for.
    HTTPStatus.TOO_MANY_REQUESTS: Unavailable,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    499: Unavailable,  # a gRPC call that was cancelled, as by a closing channel
}

_PAYER_REASONS = frozenset({"required", "userProjectMissing"})
"""Reasons of the 400 that a bucket gives if its requesters pay and none is named. The first is the
one that users published, the second the documented one; no other parameter can be missing."""


@contextmanager
def google_errors(call: str) -> Iterator[None]:
    """Turn errors of the Cloud Storage and Cloud Tasks clients into a ``GatewayError``.

    Only for calls that may be repeated: a lost reply becomes ``Unavailable``, as a 5xx does.
    """
    try:
        yield
    except GoogleAPICallError as error:
        raise _from_reply(call, error) from error
    except RetryError as error:
        if isinstance(error.cause, GoogleAPICallError):
            raise _from_reply(call, error.cause) from error
        raise Unavailable(call, status=type(error).__name__) from error
    except GoogleAuthError as error:
        # The library does not mark all of its transport errors as retryable.
        passing = error.retryable or isinstance(error, TransportError)
        kind = Unavailable if passing else Forbidden
        raise kind(call, status=type(error).__name__) from error
    except (requests.RequestException, OSError, ValueError) as error:
        # OSError: the connection or the body broke off. ValueError: the body isn't JSON.
        raise Unavailable(call, status=type(error).__name__) from error


def _from_reply(call: str, error: GoogleAPICallError) -> GatewayError:
    code = int(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    default = BadRequest if HTTPStatus.BAD_REQUEST <= code < 500 else Unavailable  # noqa: PLR2004
    reasons = {each.get("reason") for each in error.errors if isinstance(each, dict)}
    if code == HTTPStatus.BAD_REQUEST and reasons & _PAYER_REASONS:
        default = PayerMissing
    return _KINDS.get(code, default)(
        call, code=code, status=type(error).__name__, detail=str(error.message)[:MAX_DETAIL]
    )
