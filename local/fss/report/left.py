"""Formats what a sync has left, how long it took, and how fast it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local.fss.report.progress_text import moment
from shared.domain.batch.left import REASON_TEXT
from shared.domain.figures import duration


def left_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield how many files are left, why, and until when; nothing if none is."""
    left = summary.get("left")
    if not left or not left["files"]:
        return
    files = "1 file waits" if left["files"] == 1 else f"{left['files']} files wait"
    reason = left["reason"]
    why = f": {REASON_TEXT.get(reason, reason)}" if reason else ""
    until = f", until {moment(left['until'])}" if left["until"] else ""
    yield f"  left     {files}{why}{until}"


MEANINGFUL = 60
"""Seconds from which requests a minute say anything."""


def rate_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield how long the sync took, and its rate of metered requests against the tier's."""
    seconds, rate = summary.get("duration_seconds"), summary.get("rate") or {}
    if seconds is None:
        return
    used, preset = rate.get("used"), rate.get("preset")
    if seconds < MEANINGFUL:
        used = None
    speed = f"; {used:g} metered requests a minute" if used else ""
    allowed = f", of {preset} that the tier allows" if used and preset else ""
    yield f"  took     {duration(seconds)}{speed}{allowed}"
