"""What the status function does."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from shared.composition.records import records
from shared.config import StatusSettings
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.time_scale import scaled
from shared.services.report.report import Report

if TYPE_CHECKING:
    from flask import Response

    from shared.http.pages import Pages


@cache
def report(settings: StatusSettings) -> Report:
    """The read-only use case, which needs Firestore only."""
    policy, schedule = scaled(BreakerPolicy(), settings.time_scale), settings.schedule
    return Report(
        records(settings), policy, lambda now: schedule.next_after(now) if schedule else None
    )


def pages(settings: StatusSettings) -> Pages:
    """The answers for browsers; Jinja's templates are loaded for the first of them only."""
    from shared.http.pages import Pages

    return Pages(report(settings), settings.time_scale)


def page_asset(name: str) -> Response | None:
    """The page's style sheet or script; None if there is none of this name."""
    from shared.http.pages import asset

    return asset(name)
