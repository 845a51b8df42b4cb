"""The status function tells of batches, files, the store and the breaker. It only reads.

Programs get JSON, and browsers get a page.
"""

from __future__ import annotations

from typing import Any

import functions_framework
from flask import Request, Response

from shared import loading  # first: see there
from shared.code_digest import code_digest
from shared.composition.status import page_asset, pages, report
from shared.config import StatusSettings
from shared.http.answers import NOTHING_FOUND
from shared.http.framework import answer_everything
from shared.http.requests import ChangesQuery, FileQuery, FilesQuery, ListQuery, PageQuery
from shared.http.routes import Answer, Queried, Routes, Viewed
from shared.process import settings_of
from shared.services.report.file_lists import FileList, Wanted

SETTINGS = settings_of(StatusSettings)
loading.preload("google.cloud.firestore")


def _batches(query: PageQuery) -> Answer:
    return report(SETTINGS).history(query.page_token, query.limit), 200


def _batch(_: Request, batch_id: str) -> Answer:
    return _found(report(SETTINGS).batch(batch_id))


def _files(query: FilesQuery, batch_id: str) -> Answer:
    return _found(report(SETTINGS).files(batch_id, query.status, query.page_token, query.limit))


def _changes(query: ChangesQuery, batch_id: str) -> Answer:
    return _found(report(SETTINGS).changes(batch_id, query.page_token))


def _file(query: FileQuery) -> Answer:
    return _found(report(SETTINGS).file(query.path))


def _failures(query: PageQuery) -> Answer:
    return report(SETTINGS).failures(query.page_token, query.limit), 200


def _list(which: FileList) -> Viewed:
    def rows(query: ListQuery) -> Answer:
        wanted = Wanted(query.prefix, query.kind, query.text)
        return report(SETTINGS).lists(which, wanted, query.page_token, query.limit), 200

    def page(query: ListQuery) -> Answer:
        return pages(SETTINGS).file_list(query, which)

    return Viewed(Queried(ListQuery, rows), Queried(ListQuery, page))


def _asset(_: Request, name: str) -> Answer:
    return page_asset(name) or (NOTHING_FOUND, 404)


def _found(answer: dict[str, Any] | None) -> Answer:
    return (NOTHING_FOUND, 404) if answer is None else (answer, 200)


ROUTES = Routes(
    {
        ("GET", "/"): Viewed(
            lambda _: (report(SETTINGS).overview(), 200), lambda _: pages(SETTINGS).overview()
        ),
        ("GET", "/page/live"): lambda _: pages(SETTINGS).live(),
        ("GET", "/page/latest"): lambda _: pages(SETTINGS).latest(),
        ("GET", "/assets/<name>"): _asset,
        ("GET", "/batches"): Queried(PageQuery, _batches),
        ("GET", "/batches/<batch_id>"): _batch,
        ("GET", "/batches/<batch_id>/files"): Queried(FilesQuery, _files),
        ("GET", "/batches/<batch_id>/changes"): Queried(ChangesQuery, _changes),
        ("GET", "/files"): Viewed(
            Queried(FileQuery, _file), Queried(FileQuery, lambda query: pages(SETTINGS).file(query))
        ),
        ("GET", "/lists/failed"): _list(FileList.FAILED),
        ("GET", "/lists/skipped"): _list(FileList.SKIPPED),
        ("GET", "/lists/waiting"): _list(FileList.WAITING),
        ("GET", "/failures"): Queried(PageQuery, _failures),
        ("GET", "/store"): lambda _: (report(SETTINGS).store(), 200),
        ("GET", "/version"): lambda _: ({"function": "status", "code": code_digest()}, 200),
        ("GET", "/breaker"): lambda _: (report(SETTINGS).breaker(), 200),
        ("GET", "/breaker/window"): lambda _: (report(SETTINGS).overview.window(), 200),
    },
    callers=SETTINGS.callers,
)
answer_everything(ROUTES)


@functions_framework.http
def main(request: Request) -> Response:
    """Answer one HTTP request."""
    return ROUTES(request)
