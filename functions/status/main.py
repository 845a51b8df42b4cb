"""The status function reports batches, files, the store and the breaker as JSON. It only reads."""

from __future__ import annotations

from typing import Any

import functions_framework
from flask import Request, Response

from shared.composition import preload, report
from shared.config import CommonSettings
from shared.http.answers import NOTHING_FOUND
from shared.http.framework import answer_everything
from shared.http.requests import ChangesQuery, FileQuery, FilesQuery, PageQuery
from shared.http.routes import Queried, Routes
from shared.process import settings_of

SETTINGS = settings_of(CommonSettings)
preload("google.cloud.firestore")


def _batches(query: PageQuery) -> tuple[dict[str, Any], int]:
    return report(SETTINGS).history(query.page_token, query.limit), 200


def _batch(_: Request, batch_id: str) -> tuple[dict[str, Any], int]:
    return _found(report(SETTINGS).batch(batch_id))


def _files(query: FilesQuery, batch_id: str) -> tuple[dict[str, Any], int]:
    return _found(report(SETTINGS).files(batch_id, query.status, query.page_token, query.limit))


def _changes(query: ChangesQuery, batch_id: str) -> tuple[dict[str, Any], int]:
    return _found(report(SETTINGS).changes(batch_id, query.page_token))


def _file(query: FileQuery) -> tuple[dict[str, Any], int]:
    return _found(report(SETTINGS).file(query.path))


def _failures(query: PageQuery) -> tuple[dict[str, Any], int]:
    return report(SETTINGS).failures(query.page_token, query.limit), 200


def _found(answer: dict[str, Any] | None) -> tuple[dict[str, Any], int]:
    return (NOTHING_FOUND, 404) if answer is None else (answer, 200)


ROUTES = Routes(
    {
        ("GET", "/"): lambda _: (
            {"batches": report(SETTINGS).batches(10), **report(SETTINGS).breaker()},
            200,
        ),
        ("GET", "/batches"): Queried(PageQuery, _batches),
        ("GET", "/batches/<batch_id>"): _batch,
        ("GET", "/batches/<batch_id>/files"): Queried(FilesQuery, _files),
        ("GET", "/batches/<batch_id>/changes"): Queried(ChangesQuery, _changes),
        ("GET", "/files"): Queried(FileQuery, _file),
        ("GET", "/failures"): Queried(PageQuery, _failures),
        ("GET", "/store"): lambda _: (report(SETTINGS).store(), 200),
        ("GET", "/breaker"): lambda _: (report(SETTINGS).breaker(), 200),
    }
)
answer_everything(ROUTES)


@functions_framework.http
def main(request: Request) -> Response:
    """Answer one HTTP request."""
    return ROUTES(request)
