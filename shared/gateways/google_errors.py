"""What a failure of a Google Cloud client means, read from exception types and status codes."""

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
    Unavailable,
)

MAX_DETAIL = 500
"""Characters of a message that are kept."""

_KINDS: Mapping[int, type[GatewayError]] = {
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: NameTaken,
    # A generation that isn't the live one any more.
    HTTPStatus.PRECONDITION_FAILED: NotFound,
    # Our own infrastructure is busy. Throttled is for Gemini, whose allowance the sync plans by.
    HTTPStatus.TOO_MANY_REQUESTS: Unavailable,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    499: Unavailable,  # a gRPC call that was cancelled, as by a closing channel
}


@contextmanager
def google_errors(call: str) -> Iterator[None]:
    """Turn what Cloud Storage and Cloud Tasks clients raise into a ``GatewayError``.

    For calls that may be repeated: a lost reply is ``Unavailable`` like a 5xx.
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
        # The library marks few of its own transport errors as worth another try.
        passing = error.retryable or isinstance(error, TransportError)
        kind = Unavailable if passing else Forbidden
        raise kind(call, status=type(error).__name__) from error
    except (requests.RequestException, OSError, ValueError) as error:
        # OSError: a broken connection or body; ValueError: a body that isn't JSON.
        raise Unavailable(call, status=type(error).__name__) from error


def _from_reply(call: str, error: GoogleAPICallError) -> GatewayError:
    code = int(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    default = BadRequest if HTTPStatus.BAD_REQUEST <= code < 500 else Unavailable  # noqa: PLR2004
    return _KINDS.get(code, default)(
        call, code=code, status=type(error).__name__, detail=str(error.message)[:MAX_DETAIL]
    )
