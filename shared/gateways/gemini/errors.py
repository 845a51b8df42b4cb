"""What a failure of a Gemini call means, read from exception types, status codes and details."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
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
    from google.genai.errors import APIError

MAX_DETAIL = 500
"""Characters of a reply's message that are kept: some 5xx bodies are whole web pages."""

_KEY_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED"})
"""A bad key is answered with a 400, told from other ones by its ErrorInfo reason."""

_QUOTA_MARKS = (
    ("spend", QuotaKind.SPEND),
    ("billing", QuotaKind.SPEND),
    ("storage", QuotaKind.STORAGE),
    ("perday", QuotaKind.DAY),
)
"""What a quota's id or metric contains, the longest-lasting shortage first."""


_KINDS: Mapping[int, type[GatewayError]] = {
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: NameTaken,
}


class Effect(Enum):
    """What a call leaves behind when it worked and nobody heard of it."""

    NONE = "it only reads"
    REPEATABLE = "sending it again leads to the same state"
    ONCE = "sending it again makes another resource"


@contextmanager
def gemini_errors(call: str, effect: Effect, *, secret: str) -> Iterator[None]:
    """Turn whatever google-genai or its HTTP client raises into a ``GatewayError``.

    A 5xx or 408 is ``Unavailable``, except where the call must not be repeated blindly. A reply
    that is lost or can't be read is ``OutcomeUnknown``, except where there was nothing to
    change. A connection that was never made is ``Unavailable``. ``secret`` (the API key, which
    a 403 may quote) is struck from the messages.
    """
    import httpx2  # noqa: PLC0415 - with google.genai, which takes half a second to import
    from google.genai.errors import APIError  # noqa: PLC0415 - as above

    try:
        yield
    except APIError as error:
        # From None, since a traceback would show the original with the secret in it.
        raise from_reply(call, effect, error, secret) from None
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
        raise Unavailable(call, status=type(error).__name__) from error
    except (
        httpx2.HTTPError,
        httpx2.InvalidURL,
        ValueError,  # a body that isn't JSON, isn't the message expected, or an upload cut off
        LookupError,  # an upload without a URL, or without a file at its end
        TypeError,  # JSON of another shape than an object
        AttributeError,
    ) as error:
        raise _unreadable(effect)(call, status=type(error).__name__) from error


def from_reply(call: str, effect: Effect, error: APIError, secret: str) -> GatewayError:
    """The error that a reply with this status code and these details stands for."""
    code = int(error.code or 0)
    detail = str(error.message or "")
    if secret:
        detail = detail.replace(secret, "***")
    detail = detail[:MAX_DETAIL]
    details = _details(error)
    status = str(error.status or "")
    wait = _retry_after(error, details)
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        quota = _quota(details)
        return Throttled(call, quota=quota, status=status, detail=detail, retry_after=wait)
    kind: type[GatewayError]
    if code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.REQUEST_TIMEOUT:
        kind = OutcomeUnknown if effect is Effect.ONCE else Unavailable
    elif code < HTTPStatus.BAD_REQUEST:
        kind = _unreadable(effect)  # a 201 or 204 is no reply that this API gives
    elif any(item.get("reason") in _KEY_REASONS for item in details):
        kind = Forbidden
    else:
        kind = _KINDS.get(code, BadRequest)
    return kind(call, code=code, status=status, detail=detail, retry_after=wait)


def _unreadable(effect: Effect) -> type[GatewayError]:
    return Unavailable if effect is Effect.NONE else OutcomeUnknown


def _details(error: APIError) -> list[Mapping[str, Any]]:
    """The google.rpc details of a reply; whatever else a proxy may have answered has none."""
    body = error.details
    inner = body.get("error") if isinstance(body, dict) else None
    details = inner.get("details") if isinstance(inner, dict) else None
    return [item for item in details or () if isinstance(item, dict)]


def _is(detail: Mapping[str, Any], message: str) -> bool:
    return str(detail.get("@type", "")).endswith("." + message)


def _quota(details: list[Mapping[str, Any]]) -> QuotaKind:
    names: list[str] = []
    for detail in details:
        if _is(detail, "QuotaFailure"):
            for violation in detail.get("violations") or ():
                names += [str(violation.get(key, "")) for key in ("quotaId", "quotaMetric")]
        elif _is(detail, "ErrorInfo"):
            names.append(str(detail.get("reason", "")))
            limits = detail.get("metadata") or {}
            names += [str(limits.get(key, "")) for key in ("quota_limit", "quota_metric")]
    marks = "\n".join(names).lower()
    return next((kind for mark, kind in _QUOTA_MARKS if mark in marks), QuotaKind.RATE)


def _retry_after(error: APIError, details: list[Mapping[str, Any]]) -> timedelta | None:
    """The longer of RetryInfo's delay ("17.5s") and Retry-After (seconds or a date)."""
    waits = [
        _seconds(str(detail.get("retryDelay", "")).removesuffix("s"))
        for detail in details
        if _is(detail, "RetryInfo")
    ]
    headers: Mapping[str, str] = getattr(error.response, "headers", None) or {}
    if wish := headers.get("retry-after"):
        waits.append(_seconds(wish) or _until(wish, headers.get("date", "")))
    return max((wait for wait in waits if wait is not None), default=None)


def _seconds(text: str) -> timedelta | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return timedelta(seconds=seconds) if math.isfinite(seconds) and seconds >= 0 else None


def _until(then: str, sent: str) -> timedelta | None:
    """From the reply's own Date where it has one, since clocks differ."""
    try:
        start = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
        return max(parsedate_to_datetime(then) - start, timedelta())
    except (TypeError, ValueError):
        return None
