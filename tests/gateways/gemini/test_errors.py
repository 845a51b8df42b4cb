from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from google.genai import errors

from shared.domain.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    NameTaken,
    NotFound,
    OutcomeUnknown,
    QuotaKind,
    SourceChanged,
    Throttled,
    Unavailable,
)
from shared.gateways.gemini.errors import MAX_DETAIL, Effect, gemini_errors

SECRET = "AIzaSECRET"


def reply(
    code: int, body: object = None, headers: dict[str, str] | None = None
) -> Callable[[], None]:
    """What google-genai does with a reply."""
    text = body if isinstance(body, str) else json.dumps(body if body is not None else {})
    response = httpx2.Response(code, text=text, headers=headers)
    return lambda: errors.APIError.raise_for_response(response)


def problem(code: int, *details: dict[str, Any], message: str = "no") -> Callable[[], None]:
    error = {"code": code, "status": "STATUS", "message": message, "details": list(details)}
    return reply(code, {"error": error})


def raised(act: Callable[[], object], effect: Effect = Effect.NONE) -> GatewayError:
    with (
        pytest.raises(GatewayError) as caught,
        gemini_errors("gemini.call", effect, secret=SECRET),
    ):
        act()
    return caught.value


def detail(kind: str, **fields: object) -> dict[str, Any]:
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, BadRequest),
        (401, Forbidden),
        (403, Forbidden),
        (404, NotFound),
        (409, NameTaken),
        (412, BadRequest),
        (429, Throttled),
    ],
)
@pytest.mark.parametrize("effect", Effect)
def test_a_4xx_is_told_by_its_code_whatever_was_asked(
    code: int, kind: type[GatewayError], effect: Effect
) -> None:
    error = raised(problem(code), effect)
    assert type(error) is kind
    assert (error.call, error.code, error.status, error.detail) == (
        "gemini.call",
        code,
        "STATUS",
        "no",
    )


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504])
def test_a_5xx_or_408_is_unavailable_unless_the_call_must_happen_once(code: int) -> None:
    assert type(raised(reply(code, "<html>"), Effect.NONE)) is Unavailable
    assert type(raised(reply(code, "<html>"), Effect.REPEATABLE)) is Unavailable
    assert type(raised(reply(code, "<html>"), Effect.ONCE)) is OutcomeUnknown


def failing(error: Exception) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


UNUSABLE: dict[str, Callable[[], object]] = {
    "no content": reply(204, ""),
    "created": reply(201),
    "redirected": reply(302),
    "not JSON": lambda: json.loads("<html>"),
    "no file in it": failing(KeyError("file")),
    "not finalized": failing(ValueError("Upload status is not finalized.")),
    "not an object": failing(TypeError("string indices must be integers")),
    "slow": failing(httpx2.ReadTimeout("")),
    "reset while reading": failing(httpx2.ReadError("")),
    "reset while writing": failing(httpx2.WriteError("")),
    "hung up": failing(httpx2.RemoteProtocolError("")),
    "a relative upload URL": failing(httpx2.UnsupportedProtocol("")),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_without_a_usable_reply_only_reading_calls_are_sure(kind: str) -> None:
    act = UNUSABLE[kind]
    assert type(raised(act, Effect.NONE)) is Unavailable
    assert type(raised(act, Effect.REPEATABLE)) is OutcomeUnknown
    assert type(raised(act, Effect.ONCE)) is OutcomeUnknown


@pytest.mark.parametrize("error", [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout])
@pytest.mark.parametrize("effect", Effect)
def test_without_a_connection_nothing_happened(
    error: type[httpx2.TransportError], effect: Effect
) -> None:
    assert type(raised(failing(error("")), effect)) is Unavailable


def test_the_source_speaks_for_itself() -> None:
    with (
        pytest.raises(SourceChanged),
        gemini_errors("gemini.upload", Effect.REPEATABLE, secret=""),
    ):
        raise SourceChanged("shorter")


@pytest.mark.parametrize(
    ("details", "message", "kind"),
    [
        ([detail("ErrorInfo", reason="API_KEY_INVALID")], "", Forbidden),
        ([detail("ErrorInfo", reason="API_KEY_EXPIRED")], "", Forbidden),
        ([detail("ErrorInfo", reason="API_KEY_SERVICE_BLOCKED")], "", Forbidden),
        ([], "API key not valid. Please pass a valid API key.", Forbidden),
        ([], "Standard API keys are no longer supported.", Forbidden),
        ([detail("ErrorInfo", reason="BAD_NAME")], "'my api key.md' is no name", BadRequest),
        ([], "mimeType is not valid", BadRequest),
    ],
)
def test_a_400_about_the_key_is_denied(
    details: list[dict[str, Any]], message: str, kind: type[GatewayError]
) -> None:
    assert type(raised(problem(400, *details, message=message))) is kind
    assert type(raised(problem(400, detail("ErrorInfo", reason="OTHER")))) is BadRequest


@pytest.mark.parametrize(
    ("violations", "quota"),
    [
        ([{"quotaId": "RequestsPerMinutePerProject"}], QuotaKind.RATE),
        ([{"quotaId": "RequestsPerDayPerProjectPerModel-FreeTier"}], QuotaKind.DAY),
        (
            [{"quotaId": "RequestsPerMinute"}, {"quotaId": "RequestsPerDayPerProject"}],
            QuotaKind.DAY,
        ),
        ([{"quotaMetric": "googleapis.com/file_storage_bytes"}], QuotaKind.STORAGE),
        ([{"quotaId": "SpendCapPerProject"}], QuotaKind.SPEND),
        ([], QuotaKind.RATE),
    ],
)
def test_a_429_names_its_quota(violations: list[dict[str, str]], quota: QuotaKind) -> None:
    error = raised(problem(429, detail("QuotaFailure", violations=violations)))
    assert isinstance(error, Throttled)
    assert error.quota is quota


def test_a_429_may_name_its_quota_in_an_error_info_alone() -> None:
    limits = {"quota_limit": "RequestsPerDayPerProject", "service": "x"}
    error = raised(problem(429, detail("ErrorInfo", reason="RATE", metadata=limits)))
    assert isinstance(error, Throttled)
    assert error.quota is QuotaKind.DAY


ORDINARY = "You exceeded your current quota, please check your plan and billing details."
STORAGE = "Corpus has reached the storage limit of 1000000000 bytes."


@pytest.mark.parametrize(
    ("message", "quota"),
    [
        (STORAGE, QuotaKind.STORAGE),
        ("Your prepayment credits are depleted. Please add more.", QuotaKind.SPEND),
        ("Your project has exceeded its monthly spending cap.", QuotaKind.SPEND),
        (ORDINARY, QuotaKind.RATE),
        ("Resource has been exhausted (e.g. check quota).", QuotaKind.RATE),
    ],
)
@pytest.mark.parametrize("details", [(), (detail("RetryInfo", retryDelay="3s"),)])
def test_a_429_whose_details_name_no_quota_is_told_by_its_message(
    message: str, details: tuple[dict[str, Any], ...], quota: QuotaKind
) -> None:
    error = raised(problem(429, *details, message=message))
    assert isinstance(error, Throttled)
    assert error.quota is quota


def test_a_429_of_a_long_message_is_told_by_its_end() -> None:
    error = raised(problem(429, message="x" * 1000 + STORAGE))
    assert isinstance(error, Throttled)
    assert error.quota is QuotaKind.STORAGE


@pytest.mark.parametrize("order", [1, -1])
def test_a_429_that_names_a_day_and_storage_is_of_the_storage(order: int) -> None:
    violations = [{"quotaId": "RequestsPerDay"}, {"quotaMetric": "x/file_storage_bytes"}][::order]
    error = raised(problem(429, detail("QuotaFailure", violations=violations)))
    assert isinstance(error, Throttled)
    assert error.quota is QuotaKind.STORAGE


def test_a_message_of_the_storage_beside_the_name_of_the_minute_is_of_the_storage() -> None:
    minute = detail("QuotaFailure", violations=[{"quotaId": "RequestsPerMinutePerProject"}])
    error = raised(problem(429, minute, message=STORAGE))
    assert isinstance(error, Throttled)
    assert error.quota is QuotaKind.STORAGE


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        (STORAGE, 1_000_000_000),
        ("Corpus has reached the storage limit of 10,000,000,000 bytes", 10_000_000_000),
        ("x" * 1000 + STORAGE, 1_000_000_000),
        ("Corpus has reached the storage limit.", None),
        ("Corpus has reached the storage limit of its tier.", None),
        ("Your project has exceeded its monthly spending cap, not the " + STORAGE, None),
        (ORDINARY, None),
    ],
)
def test_a_429_of_the_storage_may_name_the_limit(message: str, limit: int | None) -> None:
    error = raised(problem(429, message=message))
    assert isinstance(error, Throttled)
    assert error.storage_limit == limit


DATE = "Sun, 22 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("details", "headers", "wait"),
    [
        ([detail("RetryInfo", retryDelay="17.5s")], {}, 17.5),
        ([], {"retry-after": "30"}, 30),
        ([], {"retry-after": "Sun, 22 Nov 2026 10:00:45 GMT", "date": DATE}, 45),
        ([], {"retry-after": "Sun, 22 Nov 2026 09:00:00 GMT", "date": DATE}, 0),
        ([detail("RetryInfo", retryDelay="5s")], {"retry-after": "30"}, 30),
        ([detail("RetryInfo", retryDelay="50s")], {"retry-after": "30"}, 50),
        ([detail("RetryInfo", retryDelay="soon")], {"retry-after": "later"}, None),
        ([detail("RetryInfo")], {}, None),
        ([], {"retry-after": "nan"}, None),
        ([], {"retry-after": "-5"}, None),
    ],
)
def test_the_longer_wish_to_wait_counts(
    details: list[dict[str, Any]], headers: dict[str, str], wait: float | None
) -> None:
    for code in (429, 503):
        body = {"error": {"code": code, "details": details}}
        error = raised(reply(code, body, headers))
        assert error.retry_after == (None if wait is None else timedelta(seconds=wait))


@pytest.mark.parametrize(
    "body", ["<html>", [], [1], "null", {"error": "text"}, {"error": {"details": "text"}}]
)
def test_a_body_of_any_shape_is_survived(body: object) -> None:
    assert type(raised(reply(503, body))) is Unavailable
    assert type(raised(reply(429, body))) is Throttled


def test_the_key_and_whole_pages_stay_out_of_messages() -> None:
    suspended = raised(problem(403, message=f"Consumer 'api_key:{SECRET}' has been suspended."))
    assert SECRET not in str(suspended)
    assert "suspended" in str(suspended)
    assert SECRET not in "".join(traceback.format_exception(suspended))
    cut = raised(reply(502, "x" * (MAX_DETAIL - 5) + SECRET))
    assert "AIza" not in cut.detail
