"""Translates errors of Gemini calls, by exception type, status code and error details.

A 403 stays ambiguous here: Gemini answers it to a bad key and for a missing resource alike. The
worker's ``Delivery.none_if_missing`` tells the two apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from shared.domain.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    NameTaken,
    NotFound,
    OutcomeUnknown,
    QuotaKind,
    Throttled,
    Unavailable,
)

if TYPE_CHECKING:
    import httpx2
    from google.genai.errors import APIError

MAX_DETAIL = 500
"""Most characters kept of an error's message; some 5xx bodies are whole web pages."""

_KEY_REASONS = "API_KEY_"
"""How the ErrorInfo reasons of a 400 begin that is about the key, such as API_KEY_INVALID."""

_KEY_SENTENCE = "api key"
"""Part of the message of a 400 about the key whose details give no reason."""

_QUOTA_MARKS = (
    ("spend", QuotaKind.SPEND),
    ("billing", QuotaKind.SPEND),
    ("storage", QuotaKind.STORAGE),
    ("perday", QuotaKind.DAY),
)
"""Parts of a quota's id or metric, and the quota that they stand for; the first match counts, so
the quota that lasts longest comes first."""

_QUOTA_SENTENCES = (
    ("credits are depleted", QuotaKind.SPEND),
    ("spending cap", QuotaKind.SPEND),
    ("storage limit", QuotaKind.STORAGE),
)
"""Parts of the message of a 429 whose details name none of these quotas, in the same order. Source:
replies that users published, without details (python-genai issue 1774, among others). "billing" is
not among them: the message of every rate limit asks to check "your plan and billing details"."""

_STORAGE_LIMIT = re.compile(r"storage limit of ([\d,]*\d) bytes", re.IGNORECASE)
"""The sentence of a 429 that names the limit of the stores. Source: as above."""

_KINDS: Mapping[int, type[GatewayError]] = {
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: NameTaken,
}


class Effect(Enum):
    """The effect of a call that worked although its reply was lost."""

    NONE = "it only reads"
    REPEATABLE = "sending it again leads to the same state"
    ONCE = "sending it again makes another resource"


@contextmanager
def gemini_errors(call: str, effect: Effect, *, secret: str) -> Iterator[None]:
    """Turn errors of google-genai and its HTTP client into a ``GatewayError``.

    A 5xx or 408 becomes ``Unavailable``, or ``OutcomeUnknown`` with ``Effect.ONCE``. A reply that
    is lost or can't be read becomes ``OutcomeUnknown``, or ``Unavailable`` with ``Effect.NONE``. If
    no connection was made, the error is ``Unavailable``. ``secret`` (the API key, which a 403 may
    quote) is removed from the messages.
    """
    import httpx2  # noqa: PLC0415 - with google.genai, which takes half a second to import
    from google.genai.errors import APIError  # noqa: PLC0415 - as above

    try:
        yield
    except APIError as error:
        # From None: a traceback would show the original error, which may quote the secret.
        raise from_reply(call, effect, error, secret) from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise Unavailable(call, status=type(error).__name__) from error
    except (
        httpx2.HTTPError,
        httpx2.InvalidURL,
        ValueError,  # the body isn't JSON or isn't the expected message, or an upload was cut off
        LookupError,  # the reply to an upload has no URL, or no file
        TypeError,  # the JSON isn't an object
        AttributeError,
    ) as error:
        raise _unreadable(effect)(call, status=type(error).__name__) from error


def raise_error_in_upload(response: httpx2.Response) -> None:
    """Raise the ``APIError`` that an upload's last reply holds in its body, although it is a 200.

    google-genai looks at the HTTP status alone and then finds no file. Source: python-genai issue
    913, where the body says that the name is taken. An event hook of the HTTP client.
    """
    from google.genai.errors import APIError  # noqa: PLC0415 - its import takes half a second

    if response.status_code != HTTPStatus.OK:
        return
    if response.headers.get("x-goog-upload-status") != "final":
        return
    response.read()
    try:
        body = response.json()
    except ValueError:
        return
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict) and isinstance(code := error.get("code"), int):
        APIError.raise_error(code, body, response)


def from_reply(call: str, effect: Effect, error: APIError, secret: str) -> GatewayError:
    """Translate an error reply by its status code and details."""
    code = int(error.code or 0)
    detail = str(error.message or "")
    if secret:
        detail = detail.replace(secret, "***")
    detail = detail[:MAX_DETAIL]
    details = _details(error)
    status = str(error.status or "")
    wait = _retry_after(error, details)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        message = str(error.message or "")
        quota = _quota(details, message)
        named = _STORAGE_LIMIT.search(message) if quota is QuotaKind.STORAGE else None
        return Throttled(
            call,
            quota=quota,
            storage_limit=int(named[1].replace(",", "")) if named else None,
            status=status,
            detail=detail,
            retry_after=wait,
        )
    kind: type[GatewayError]
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.REQUEST_TIMEOUT:
        kind = OutcomeUnknown if effect is Effect.ONCE else Unavailable
    elif code < HTTPStatus.BAD_REQUEST:
        kind = _unreadable(effect)  # the API never answers 201 or 204
    elif code == HTTPStatus.BAD_REQUEST and _is_about_key(details, detail):
        kind = Forbidden
    else:
        kind = _KINDS.get(code, BadRequest)
    return kind(call, code=code, status=status, detail=detail, retry_after=wait)


def _is_about_key(details: list[Mapping[str, Any]], message: str) -> bool:
    reasons = [str(item["reason"]) for item in details if item.get("reason")]
    if not reasons:
        return _KEY_SENTENCE in message.lower()
    return any(reason.startswith(_KEY_REASONS) for reason in reasons)


def _unreadable(effect: Effect) -> type[GatewayError]:
    return Unavailable if effect is Effect.NONE else OutcomeUnknown


def _details(error: APIError) -> list[Mapping[str, Any]]:
    """The google.rpc details of a reply; empty for other bodies, as a proxy may send."""
    body = error.details
    inner = body.get("error") if isinstance(body, dict) else None
    details = inner.get("details") if isinstance(inner, dict) else None
    return [item for item in details or () if isinstance(item, dict)]


def _is(detail: Mapping[str, Any], message: str) -> bool:
    return str(detail.get("@type", "")).endswith("." + message)


def _quota(details: list[Mapping[str, Any]], message: str) -> QuotaKind:
    names: list[str] = []
    for detail in details:
        if _is(detail, "QuotaFailure"):
            for violation in detail.get("violations") or ():
                names += [str(violation.get(key, "")) for key in ("quotaId", "quotaMetric")]
        elif _is(detail, "ErrorInfo"):
            names.append(str(detail.get("reason", "")))
            limits = detail.get("metadata") or {}
            names += [str(limits.get(key, "")) for key in ("quota_limit", "quota_metric")]
    by_name = _first(_QUOTA_MARKS, "\n".join(names))
    return by_name or _first(_QUOTA_SENTENCES, message) or QuotaKind.RATE


def _first(marks: Sequence[tuple[str, QuotaKind]], text: str) -> QuotaKind | None:
    text = text.lower()
    return next((kind for mark, kind in marks if mark in text), None)


def _retry_after(error: APIError, details: list[Mapping[str, Any]]) -> timedelta | None:
    """The longer of RetryInfo's delay ("17.5s") and Retry-After (in seconds, or a date)."""
    waits = [
        _seconds(str(detail.get("retryDelay", "")).removesuffix("s"))
        for detail in details
        if _is(detail, "RetryInfo")
    ]
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    if asked := headers.get("retry-after"):
        waits.append(_seconds(asked) or _until(asked, headers.get("date", "")))
    return max((wait for wait in waits if wait is not None), default=None)


def _seconds(text: str) -> timedelta | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return timedelta(seconds=seconds) if math.isfinite(seconds) and seconds >= 0 else None


def _until(then: str, sent: str) -> timedelta | None:
    """The time from the reply's Date (or from now without one, as clocks differ) to ``then``."""
    try:
        start = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
        return max(parsedate_to_datetime(then) - start, timedelta())
    except (TypeError, ValueError):
        return None
