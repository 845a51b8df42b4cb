"""The status function reports batches, files, the store and the breaker as JSON. It only reads."""

from __future__ import annotations

from typing import Any

import functions_framework
from flask import Request, Response

from shared.composition import preload, report
from shared.config import CommonSettings
from shared.http import (
    NOTHING_FOUND,
    FileQuery,
    FilesQuery,
    NoQuery,
    PageQuery,
    Routes,
    checked_query,
    json_lines,
)
from shared.process import settings_of

SETTINGS = settings_of(CommonSettings)
preload("google.cloud.firestore")


def _batches(request: Request) -> tuple[dict[str, Any], int]:
    query = checked_query(PageQuery, request)
    return report(SETTINGS).history(query.page_token, query.limit), 200


def _batch(_: Request, batch_id: str) -> tuple[dict[str, Any], int]:
    found = report(SETTINGS).batch(batch_id)
    return (found, 200) if found else (NOTHING_FOUND, 404)


def _files(request: Request, batch_id: str) -> tuple[dict[str, Any], int]:
    query = checked_query(FilesQuery, request)
    return report(SETTINGS).files(batch_id, query.status, query.page_token, query.limit), 200


def _file(request: Request) -> tuple[dict[str, Any], int]:
    found = report(SETTINGS).file(checked_query(FileQuery, request).path)
    return (found, 200) if found else (NOTHING_FOUND, 404)


def _failures(request: Request) -> Response:
    checked_query(NoQuery, request)
    return json_lines(report(SETTINGS).failures())


ROUTES = Routes(
    {
        ("GET", "/"): lambda _: (
            {"batches": report(SETTINGS).batches(10), **report(SETTINGS).breaker()},
            200,
        ),
        ("GET", "/batches"): _batches,
        ("GET", "/batches/<batch_id>"): _batch,
        ("GET", "/batches/<batch_id>/files"): _files,
        ("GET", "/files"): _file,
        ("GET", "/failures"): _failures,
        ("GET", "/store"): lambda _: (report(SETTINGS).store(), 200),
        ("GET", "/breaker"): lambda _: (report(SETTINGS).breaker(), 200),
    }
)


@functions_framework.http
def main(request: Request) -> Response:
    """Answer one HTTP request."""
    return ROUTES(request)
