"""The routes of the API: their names, and which request matches which route."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Route(StrEnum):
    """The routes, by the names that faults, quota and the request log use."""

    FILES_UPLOAD_START = "files.upload.start"
    STORES_UPLOAD_START = "stores.upload.start"
    FILES_UPLOAD_FINALIZE = "files.upload.finalize"
    STORES_UPLOAD_FINALIZE = "stores.upload.finalize"
    UPLOAD_CHUNK = "upload.chunk"
    UPLOAD_QUERY = "upload.query"
    UPLOAD_CANCEL = "upload.cancel"
    FILES_GET = "files.get"
    FILES_LIST = "files.list"
    FILES_DELETE = "files.delete"
    STORES_CREATE = "stores.create"
    STORES_GET = "stores.get"
    STORES_LIST = "stores.list"
    STORES_DELETE = "stores.delete"
    STORES_IMPORT_FILE = "stores.importFile"
    DOCUMENTS_GET = "documents.get"
    DOCUMENTS_LIST = "documents.list"
    DOCUMENTS_DELETE = "documents.delete"
    OPERATIONS_GET = "operations.get"
    MEDIA_DOWNLOAD = "media.download"
    MODELS_GENERATE_CONTENT = "models.generateContent"


# The calls of a resumable upload after its start, which need no key.
UPLOAD_ROUTES = frozenset(
    {
        Route.FILES_UPLOAD_FINALIZE,
        Route.STORES_UPLOAD_FINALIZE,
        Route.UPLOAD_CHUNK,
        Route.UPLOAD_QUERY,
        Route.UPLOAD_CANCEL,
    }
)
# The calls that begin an upload, or are one in a single request.
START_ROUTES = frozenset({Route.FILES_UPLOAD_START, Route.STORES_UPLOAD_START})
LIST_ROUTES = frozenset({Route.FILES_LIST, Route.STORES_LIST, Route.DOCUMENTS_LIST})
# The calls that add a document to a store.
IMPORT_ROUTES = frozenset({Route.STORES_IMPORT_FILE, Route.STORES_UPLOAD_FINALIZE})

_VERSION = "/v1beta"  # the version that has File Search
_STORE_UPLOAD = ":uploadToFileSearchStore"
_STORE = r"/(?P<store>fileSearchStores/[^/:]+)"
_PATTERNS: tuple[tuple[str, str, Route], ...] = (
    ("POST", rf"/upload{_VERSION}/files", Route.FILES_UPLOAD_START),
    ("POST", rf"/upload{_VERSION}{_STORE}{_STORE_UPLOAD}", Route.STORES_UPLOAD_START),
    ("GET", rf"{_VERSION}/files", Route.FILES_LIST),
    ("GET", rf"{_VERSION}/(?P<name>files/[^/:]+)", Route.FILES_GET),
    ("DELETE", rf"{_VERSION}/(?P<name>files/[^/:]+)", Route.FILES_DELETE),
    ("POST", rf"{_VERSION}/fileSearchStores", Route.STORES_CREATE),
    ("GET", rf"{_VERSION}/fileSearchStores", Route.STORES_LIST),
    ("GET", rf"{_VERSION}{_STORE}", Route.STORES_GET),
    ("DELETE", rf"{_VERSION}{_STORE}", Route.STORES_DELETE),
    ("POST", rf"{_VERSION}{_STORE}:importFile", Route.STORES_IMPORT_FILE),
    ("GET", rf"{_VERSION}{_STORE}/documents", Route.DOCUMENTS_LIST),
    ("GET", rf"{_VERSION}{_STORE}/documents/(?P<id>[^/:]+)", Route.DOCUMENTS_GET),
    ("DELETE", rf"{_VERSION}{_STORE}/documents/(?P<id>[^/:]+)", Route.DOCUMENTS_DELETE),
    (
        "GET",
        rf"{_VERSION}/(?P<name>fileSearchStores/[^/:]+/(?:upload/)?operations/[^/:]+)",
        Route.OPERATIONS_GET,
    ),
    ("GET", rf"{_VERSION}{_STORE}/media/(?P<id>[^/:]+)", Route.MEDIA_DOWNLOAD),
    (
        "POST",
        rf"{_VERSION}/(?P<name>models/[^/:]+):generateContent",
        Route.MODELS_GENERATE_CONTENT,
    ),
)
_TABLE = {
    method: tuple((re.compile(p), route) for m, p, route in _PATTERNS if m == method)
    for method in ("GET", "POST", "DELETE")
}
_COMMANDS = {
    "upload": Route.UPLOAD_CHUNK,
    "finalize": Route.FILES_UPLOAD_FINALIZE,
    "query": Route.UPLOAD_QUERY,
    "cancel": Route.UPLOAD_CANCEL,
}


def match(
    method: str, path: str, *, upload_id: str | None, command: str
) -> tuple[Route, Mapping[str, str]] | None:
    """Return the route of a request and the names in its path; None if there is no such route.

    Args:
        method: The HTTP method.
        path: The path without the query.
        upload_id: The query parameter that identifies the upload to which a POST belongs.
        command: The X-Goog-Upload-Command header; "" if there is none.
    """
    path = re.sub("/{2,}", "/", path)
    if upload_id is not None and method in {"POST", "PUT"} and path.startswith("/upload/"):
        words = [word.strip().lower() for word in command.split(",")]
        route = _COMMANDS.get(words[-1], Route.UPLOAD_CHUNK)
        if route is Route.FILES_UPLOAD_FINALIZE and path.endswith(_STORE_UPLOAD):
            route = Route.STORES_UPLOAD_FINALIZE
        return route, {"upload_id": upload_id}
    for pattern, route in _TABLE.get(method, ()):
        if found := pattern.fullmatch(path):
            return route, found.groupdict()
    return None
