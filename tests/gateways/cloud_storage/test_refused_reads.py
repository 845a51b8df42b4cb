"""Reads that Cloud Storage refuses, by Google's client against a server that answers as it does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import Credentials
from google.cloud.storage import Client

from shared.domain.errors import Forbidden, NotFound, SyncError, Unavailable, Unreadable
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.cloud_storage.bucket import CloudStorage

ANSWERS = {
    "acl": (403, "storage.objects.get access to the Google Cloud Storage object is denied"),
    "anonymous": (401, "Anonymous caller does not have storage.objects.get access"),
    "csek": (400, "The target object is encrypted by a customer-supplied encryption key."),
    "gone": (404, "No such object"),
    "down": (503, "Backend error"),
}


class _Token(Credentials):
    """Credentials that can be refreshed, as a service account's; a 401 makes the client do so."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped client
        self.token = "token"

    def refresh(self, request: object) -> None:
        """Keep the token."""


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/o"):
            self._say(403, b"no list access")
            return
        name = unquote(path.rpartition("/o/")[2])
        if name not in ANSWERS:
            self._say(200, b"hello")
            return
        code, message = ANSWERS[name]
        body = {"error": {"code": code, "message": message, "errors": [{"reason": "x"}]}}
        self._say(code, json.dumps(body).encode())

    def _say(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def bucket() -> Iterator[CloudStorage]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    client = Client("test", _Token(), client_options=ClientOptions(api_endpoint=url))
    bucket = CloudStorage(client, "library", retry_for=timedelta())
    yield bucket
    bucket.close()
    server.shutdown()
    server.server_close()
    thread.join()


def info(name: str) -> ObjectInfo:
    return ObjectInfo(name, 5, 1, 1, "md5:00", "", datetime(2026, 1, 1, tzinfo=UTC))


def test_heads_tell_which_objects_are_refused(bucket: CloudStorage) -> None:
    names = ("a", "acl", "anonymous", "csek", "gone")
    heads = bucket.read_heads([info(name) for name in names], 5)
    assert (heads["a"], heads["gone"]) == (b"hello", None)
    codes = {name: head.code for name, head in heads.items() if isinstance(head, Unreadable)}
    assert codes == {"acl": 403, "anonymous": 401, "csek": 400}


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("acl", Unreadable),
        ("anonymous", Unreadable),
        ("csek", Unreadable),
        ("gone", NotFound),
        ("down", Unavailable),
    ],
)
def test_a_stream_of_a_refused_object_is_not_opened(
    bucket: CloudStorage, name: str, error: type[SyncError]
) -> None:
    with pytest.raises(error):
        bucket.open(name, 1)


def test_a_bucket_that_fails_is_no_refused_object(bucket: CloudStorage) -> None:
    with pytest.raises(Unavailable):
        bucket.read_heads([info("a"), info("down")], 5)


def test_a_refused_listing_is_no_refused_object(bucket: CloudStorage) -> None:
    with pytest.raises(Forbidden):
        bucket.list_objects(prefix="", limit=10)
