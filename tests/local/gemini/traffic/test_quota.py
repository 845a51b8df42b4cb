from __future__ import annotations

from typing import Any

import pytest

from local.gemini.traffic.quota import Quota, QuotaLimits
from local.gemini.wire.errors import ApiError
from local.gemini.wire.routes import Route

START = Route.FILES_UPLOAD_START
# Noon, Pacific standard time.
NOON = 20_000 * 86_400.0 + 20 * 3_600


def _admitted(quota: Quota, now: float, route: Route = START) -> bool:
    try:
        quota.admit(route, now)
    except ApiError:
        return False
    return True


def _details(error: ApiError) -> dict[str, dict[str, Any]]:
    return {detail["@type"].rpartition(".")[2]: detail for detail in error.details}


def test_no_sliding_minute_admits_more_than_the_limit() -> None:
    quota = Quota(QuotaLimits(rpm=3), 1)
    times = [NOON + second / 2 for second in range(600)]
    admitted = [now for now in times if _admitted(quota, now)]
    for end in admitted:
        assert sum(end - 60 < now <= end for now in admitted) <= 3
    assert len(admitted) == 15


def test_a_request_is_admitted_again_exactly_a_minute_later() -> None:
    quota = Quota(QuotaLimits(rpm=1), 1)
    assert _admitted(quota, NOON)
    assert not _admitted(quota, NOON + 59.999)
    assert _admitted(quota, NOON + 60)


def test_the_time_scale_divides_the_window() -> None:
    quota = Quota(QuotaLimits(rpm=1), 60)
    assert _admitted(quota, NOON)
    assert not _admitted(quota, NOON + 0.9)
    assert _admitted(quota, NOON + 1)


def test_only_metered_routes_are_limited() -> None:
    quota = Quota(QuotaLimits(rpm=1, metered=frozenset({START})), 1)
    assert all(_admitted(quota, NOON, Route.OPERATIONS_GET) for _ in range(10))
    assert _admitted(quota, NOON)
    assert not _admitted(quota, NOON)
    assert _admitted(quota, NOON, Route.STORES_IMPORT_FILE)


def test_the_day_ends_at_midnight_pacific_time() -> None:
    quota = Quota(QuotaLimits(rpd=2), 1)
    assert [_admitted(quota, NOON + hour * 3_600) for hour in (0, 1, 2, 11.99, 12)] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_the_minutes_hint_is_the_wait_and_the_days_is_misleadingly_short() -> None:
    quota = Quota(QuotaLimits(rpm=1, retry_after=True), 1)
    quota.admit(START, NOON)
    with pytest.raises(ApiError) as minute:
        quota.admit(START, NOON + 42.5)
    assert (minute.value.code, minute.value.status) == (429, "RESOURCE_EXHAUSTED")
    details = _details(minute.value)
    assert details["RetryInfo"]["retryDelay"] == "17.500s"
    assert minute.value.headers == {"Retry-After": "18"}
    [violation] = details["QuotaFailure"]["violations"]
    assert violation["quotaId"].endswith("PerMinutePerProject")
    assert violation["quotaValue"] == "1"

    quota.limits = QuotaLimits(rpd=1)
    with pytest.raises(ApiError) as day:
        quota.admit(START, NOON + 43)
    details = _details(day.value)
    assert details["RetryInfo"]["retryDelay"] == "30.000s"
    [violation] = details["QuotaFailure"]["violations"]
    assert "PerDay" in violation["quotaId"]
    assert day.value.headers == {}


def test_hints_can_be_left_out() -> None:
    quota = Quota(QuotaLimits(rpm=0, retry_info=False), 1)
    with pytest.raises(ApiError) as refused:
        quota.admit(START, NOON)
    assert "RetryInfo" not in _details(refused.value)
    assert refused.value.headers == {}


def test_storage_counts_three_bytes_for_each_byte_of_input() -> None:
    quota = Quota(QuotaLimits(storage_bytes=300), 1)
    quota.check_import(size_bytes=50, stored_bytes=150, pending=0)
    with pytest.raises(ApiError) as refused:
        quota.check_import(size_bytes=51, stored_bytes=150, pending=0)
    assert refused.value.message == "Corpus has reached the storage limit of 300 bytes."
    assert refused.value.details == ()


def test_imports_in_progress_are_limited() -> None:
    quota = Quota(QuotaLimits(concurrent_imports=2), 1)
    quota.check_import(size_bytes=1, stored_bytes=0, pending=1)
    with pytest.raises(ApiError) as refused:
        quota.check_import(size_bytes=1, stored_bytes=0, pending=2)
    assert "ConcurrentImports" in str(_details(refused.value)["QuotaFailure"])
