"""The headers ``Range`` of a download, and ``Content-Range`` of a resumable upload."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

from local.cloud_storage.refusals import Refused, invalid

_ASKED = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)
_SENT = re.compile(r"bytes (?:(\d{1,19})-(\d{1,19})|\*)/(?:(\d{1,19})|\*)", re.ASCII)


def asked_range(header: str, size: int) -> range | None:
    """The bytes asked for; None for all, as when the header can't be understood.

    Raises:
        Refused: 416: There are no such bytes.
    """
    match = _ASKED.fullmatch(header)
    if match is None or not any(match.groups()):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise Refused(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "requestedRangeNotSatisfiable",
            "The requested range cannot be satisfied.",
        )
    return range(start, end)


@dataclass(frozen=True, slots=True)
class SentRange:
    """Which bytes of an upload a request holds.

    Attributes:
        start: The first byte; None if the request sends none and asks for the status.
        end: The byte after the last one; None if the request sends all that is left.
        total: The size of the whole object; None while it is unknown.
    """

    start: int | None
    end: int | None
    total: int | None


def sent_range(header: str | None) -> SentRange:
    """What ``Content-Range`` says; without it, a request sends the whole object.

    Raises:
        Refused: 400: The header is wrong.
    """
    if header is None:
        return SentRange(0, None, None)
    match = _SENT.fullmatch(header)
    if match is None:
        raise invalid(f"Invalid Content-Range: {header}")
    start, last, total = (None if each is None else int(each) for each in match.groups())
    end = None if last is None else last + 1
    if end is not None and (end <= (start or 0) or (total is not None and end > total)):
        raise invalid(f"Invalid Content-Range: {header}")
    return SentRange(start, end, total)
