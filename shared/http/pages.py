"""What a browser gets: the page and its parts, with headers that allow nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Response

from shared.http.requests import FileQuery, ListQuery
from shared.page import rendering
from shared.services.report.file_lists import MOST_COUNTED, FileList, Wanted

if TYPE_CHECKING:
    from shared.services.report.report import Report

RUNNING = timedelta(seconds=45)
"""Time between two looks of an open page while a sync runs."""

IDLE = timedelta(seconds=60)
"""Time between two looks otherwise."""

LEAST = timedelta(seconds=2)
"""The shortest time between two looks, whatever the time scale."""

FAILURES = 10
"""Failed files that the page names; its lists have all."""

ROWS = 25
"""Files of a list's page in a browser, which asks for no other number."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # With "no-referrer" browsers send the origin "null" with a form, which is refused as foreign.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}


class Pages:
    """Answers in HTML. Each reads what its docstring says, and nothing else.

    Args:
        report: The answers to show.
        time_scale: Divides the time between two looks.
    """

    def __init__(self, report: Report, time_scale: float) -> None:
        self._report = report
        self._seconds: Mapping[str, float] = {
            name: max(each / time_scale, LEAST).total_seconds()
            for name, each in (("running", RUNNING), ("idle", IDLE))
        }

    def overview(self) -> Response:
        """The page: the overview, the window and some failed files."""
        return self._overview(with_window=True)

    def latest(self) -> Response:
        """The page without the window."""
        return self._overview(with_window=False)

    def _overview(self, *, with_window: bool) -> Response:
        report = self._report
        told = report.overview()
        failed = any(each["failed"] for each in told["batches"][:2])
        failures = report.lists.page(FileList.FAILED, Wanted(), "", FAILURES) if failed else None
        window = report.overview.window() if with_window else None
        return _html(rendering.overview(told, window, failures, self._seconds))

    def live(self) -> Response:
        """What changes often: three documents, four during a scan."""
        return _html(rendering.live(self._report.overview.now(), self._seconds))

    def file_list(self, query: ListQuery, which: FileList) -> Response:
        """A page of a list, with a count for each kind; files that wait also say what for."""
        limit = query.limit if "limit" in query.model_fields_set else ROWS
        wanted = Wanted(query.prefix, query.kind, query.text)
        told = self._report.lists(which, wanted, query.page_token, limit)
        now = self._report.overview.now() if which is FileList.WAITING else None
        return _html(rendering.file_list(which.value, told, asdict(wanted), MOST_COUNTED, now))

    def file(self, query: FileQuery) -> Response:
        """One file and its latest imports."""
        told = self._report.file(query.path)
        return _html(rendering.one_file(query.path, told), 404 if told is None else 200)


def asset(name: str) -> Response | None:
    """The style sheet or the script; None if there is none of this name."""
    found = rendering.asset(name)
    if found is None:
        return None
    content, media_type = found
    response = Response(content, mimetype=media_type)
    response.headers.update({**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"})
    return response


def _html(text: str, status: int = 200) -> Response:
    response = Response(text, status, mimetype="text/html")
    response.headers.update(HEADERS)
    return response
