"""Quota: which requests are metered, how many are admitted, and the 429 for the others."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from local.gemini.wire.errors import ApiError
from local.gemini.wire.messages import JsonObject
from local.gemini.wire.routes import Route

MINUTE_S = 60.0
DAY_S = 86_400.0
# A day begins at midnight Pacific time; to keep it simple, without daylight saving time.
PACIFIC_OFFSET_S = 8 * 3_600.0
# Users report that the retryDelay of a used-up daily quota is far too short.
MISLEADING_DELAY_S = 30.0
# How many bytes a document uses in the store, per byte of input.
STORED_BYTES_PER_INPUT_BYTE = 3

DEFAULT_METERED = frozenset(
    {Route.FILES_UPLOAD_START, Route.STORES_UPLOAD_START, Route.STORES_IMPORT_FILE}
)


class QuotaKind(StrEnum):
    """The kinds of quota."""

    PER_MINUTE = "per_minute"
    PER_DAY = "per_day"
    STORAGE = "storage"
    CONCURRENT_IMPORTS = "concurrent_imports"
    CREDITS = "credits"
    SPENDING_CAP = "spending_cap"


_VIOLATIONS = {
    QuotaKind.PER_MINUTE: ("file_search_requests", "FileSearchRequestsPerMinutePerProject"),
    QuotaKind.PER_DAY: ("file_search_requests", "FileSearchRequestsPerDayPerProject"),
    QuotaKind.CONCURRENT_IMPORTS: (
        "file_search_concurrent_imports",
        "FileSearchConcurrentImportsPerProject",
    ),
}
# Users published these replies: a message, and no details that name the quota.
_MESSAGES = {
    QuotaKind.STORAGE: "Corpus has reached the storage limit of {limit} bytes.",
    QuotaKind.CREDITS: "Your prepayment credits are depleted. Please go to AI Studio to add more.",
    QuotaKind.SPENDING_CAP: "Your project has exceeded its monthly spending cap.",
}
_USUAL_STORAGE_LIMIT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class QuotaLimits:
    """The limits of the project. None is no limit.

    Attributes:
        rpm: The most metered requests in any sliding 60 s window.
        rpd: The most metered requests per day.
        storage_bytes: The most bytes in all stores together.
        concurrent_imports: The most documents that may be pending at the same time.
        metered: The routes that count.
        retry_info: Whether a 429 has a google.rpc.RetryInfo.
        retry_after: Whether a 429 has a Retry-After header.
    """

    rpm: int | None = None
    rpd: int | None = None
    storage_bytes: int | None = None
    concurrent_imports: int | None = None
    metered: frozenset[Route] = field(default=DEFAULT_METERED)
    retry_info: bool = True
    retry_after: bool = False


def exhausted(
    kind: QuotaKind,
    *,
    limit: int | None,
    delay_s: float,
    retry_info: bool,
    retry_after: bool,
) -> ApiError:
    """Return the 429 for a used-up quota; `delay_s` is the wait in its hints, if any."""
    message, details = _told(kind, limit)
    headers: dict[str, str] = {}
    if retry_info:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": f"{delay_s:.3f}s",
            }
        )
    if retry_after:
        headers["Retry-After"] = str(max(1, math.ceil(delay_s)))
    return ApiError(
        429,
        "RESOURCE_EXHAUSTED",
        message,
        details=details,
        headers=headers,
    )


def _told(kind: QuotaKind, limit: int | None) -> tuple[str, list[JsonObject]]:
    """Return the message of the 429, and the details that name the quota."""
    if kind in _MESSAGES:
        return _MESSAGES[kind].format(limit=limit or _USUAL_STORAGE_LIMIT), []
    metric, quota_id = _VIOLATIONS[kind]
    violation: JsonObject = {
        "quotaMetric": f"generativelanguage.googleapis.com/{metric}",
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global"},
    }
    if limit is not None:
        violation["quotaValue"] = str(limit)
    message = (
        "You exceeded your current quota, please check your plan and billing details. "
        f"Quota exceeded for metric: {violation['quotaMetric']}."
    )
    failure = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]}
    return message, [failure]


class SlidingWindow:
    """The times of the events in a sliding window, and the largest number it ever held."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._times: deque[float] = deque()
        self.peak = 0

    def count(self, now: float) -> int:
        """Return how many events are in the window that ends now."""
        while self._times and self._times[0] <= now - self._length_s:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float) -> None:
        """Add an event."""
        self._times.append(now)
        self.peak = max(self.peak, self.count(now))

    def frees_in(self, now: float) -> float:
        """Return the seconds until the oldest event leaves the window; 0 if it is empty."""
        return self._times[0] + self._length_s - now if self.count(now) else 0.0


class Quota:
    """Admits requests within the limits. A refused request does not count."""

    def __init__(self, limits: QuotaLimits, time_scale: float) -> None:
        self.limits = limits
        self._scale = time_scale
        self._window = SlidingWindow(MINUTE_S / time_scale)
        self._day = 0
        self._day_used = 0

    @property
    def day_usage(self) -> tuple[int, int]:
        """The number of the current day, and how many requests it has used."""
        return self._day, self._day_used

    def restore_day(self, day: int, used: int) -> None:
        """Restore the day's count of an earlier run."""
        self._day, self._day_used = day, used

    def clear(self) -> None:
        """Reset all usage to zero."""
        self._window = SlidingWindow(MINUTE_S / self._scale)
        self._day_used = 0

    def admit(self, route: Route, now: float) -> None:
        """Count a request if it is metered.

        Raises:
            ApiError: 429 if the quota of the minute or the day is used up.
        """
        if route not in self.limits.metered:
            return
        day = math.floor((now - PACIFIC_OFFSET_S) * self._scale / DAY_S)
        if day != self._day:
            self._day, self._day_used = day, 0
        if self.limits.rpd is not None and self._day_used >= self.limits.rpd:
            delay_s = MISLEADING_DELAY_S / self._scale
            raise self._exhausted(QuotaKind.PER_DAY, self.limits.rpd, delay_s)
        if self.limits.rpm is not None and self._window.count(now) >= self.limits.rpm:
            delay_s = self._window.frees_in(now)
            raise self._exhausted(QuotaKind.PER_MINUTE, self.limits.rpm, delay_s)
        self._window.add(now)
        self._day_used += 1

    def check_import(self, *, size_bytes: int, stored_bytes: int, pending: int) -> None:
        """Check that there is quota for another document.

        Args:
            size_bytes: The input's size.
            stored_bytes: The current size of all stores.
            pending: The number of pending documents.

        Raises:
            ApiError: 429 if the storage is full or too many imports are in progress.
        """
        limits = self.limits
        needed = stored_bytes + size_bytes * STORED_BYTES_PER_INPUT_BYTE
        delay_s = MISLEADING_DELAY_S / self._scale
        if limits.storage_bytes is not None and needed > limits.storage_bytes:
            raise exhausted(
                QuotaKind.STORAGE,
                limit=limits.storage_bytes,
                delay_s=delay_s,
                retry_info=False,
                retry_after=False,
            )
        if limits.concurrent_imports is not None and pending >= limits.concurrent_imports:
            raise self._exhausted(QuotaKind.CONCURRENT_IMPORTS, limits.concurrent_imports, delay_s)

    def _exhausted(self, kind: QuotaKind, limit: int, delay_s: float) -> ApiError:
        return exhausted(
            kind,
            limit=limit,
            delay_s=delay_s,
            retry_info=self.limits.retry_info,
            retry_after=self.limits.retry_after,
        )
