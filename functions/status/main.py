"""The status function: what happened, as JSON. It reads, and never writes."""

from __future__ import annotations

from typing import Any

import functions_framework
from flask import Request, Response

from shared.composition import report
from shared.config import CommonSettings
from shared.http import NOTHING_FOUND, FileQuery, FilesQuery, ListQuery, Routes, checked_query
from shared.process import settings_of

SETTINGS = settings_of(CommonSettings)
REPORT = report(SETTINGS)


def _batches(request: Request) -> tuple[dict[str, Any], int]:
    return {"batches": REPORT.batches(checked_query(ListQuery, request).limit)}, 200


def _batch(_: Request, batch_id: str) -> tuple[dict[str, Any], int]:
    found = REPORT.batch(batch_id)
    return (found, 200) if found else (NOTHING_FOUND, 404)


def _files(request: Request, batch_id: str) -> tuple[dict[str, Any], int]:
    query = checked_query(FilesQuery, request)
    return REPORT.files(batch_id, query.status, query.page_token, query.limit), 200


def _file(request: Request) -> tuple[dict[str, Any], int]:
    found = REPORT.file(checked_query(FileQuery, request).path)
    return ({"files": [found]}, 200) if found else (NOTHING_FOUND, 404)


ROUTES = Routes(
    {
        ("GET", "/"): lambda _: ({"batches": REPORT.batches(10), **REPORT.breaker()}, 200),
        ("GET", "/batches"): _batches,
        ("GET", "/batches/<batch_id>"): _batch,
        ("GET", "/batches/<batch_id>/files"): _files,
        ("GET", "/files"): _file,
        ("GET", "/breaker"): lambda _: (REPORT.breaker(), 200),
    }
)


@functions_framework.http
def main(request: Request) -> Response:
    """Answer one HTTP request."""
    return ROUTES(request)
