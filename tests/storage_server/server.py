"""The server: the routes of the JSON API that Google's client uses, over HTTP on loopback."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.storage_server.objects import ApiError, StoredBucket, StoredObject

CHANGEABLE = ("contentType", "contentEncoding", "metadata")
MEDIA = "/download/storage/v1"


class StorageServer(ThreadingHTTPServer):
    """Serves buckets from memory.

    Attributes:
        buckets: By name; tests change here who may read what.
        media_reads: Number of requests for an object's content.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.buckets: dict[str, StoredBucket] = {}
        self.media_reads = 0
        self.lock = threading.Lock()
        self.generations = itertools.count(1_700_000_000_000_000)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def storage_server() -> Iterator[StorageServer]:
    """A server that runs until the block ends."""
    server = StorageServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StorageServer

    def _handle(self) -> None:
        url = urlsplit(self.path)
        self._query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        self._body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_media = url.path.startswith(MEDIA)
        try:
            with self.server.lock:
                self._route(url.path)
        except ApiError as error:
            self._refuse(error, is_media=is_media)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - as http.server calls them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class
        """Nothing is logged."""

    # --- routes ---------------------------------------------------------------------------

    def _route(self, path: str) -> None:
        if (self.command, path) == ("POST", "/storage/v1/b"):
            name = str(json.loads(self._body)["name"])
            bucket = self.server.buckets[name] = StoredBucket(name)
            self._reply(_of_bucket(bucket))
            return
        match = re.fullmatch(
            r"(?:/download|/upload)?/storage/v1/b/([^/]+)(/o)?(?:/([^/]+))?(/compose)?", path
        )
        if match is None:
            raise ApiError(404, "notFound", "Not Found")
        bucket_name, in_objects, quoted, composes = match.groups()
        if bucket_name not in self.server.buckets:
            raise ApiError(404, "notFound", "The specified bucket does not exist.")
        bucket = self.server.buckets[bucket_name]
        if not in_objects:
            self._change_bucket(bucket)
            return
        bucket.check_payer(self._query.get("userProject"))
        if quoted is None:
            self._list(bucket) if self.command == "GET" else self._upload(bucket)
        elif composes:
            self._compose(bucket, unquote(quoted))
        elif path.startswith(MEDIA):
            self._read(bucket, unquote(quoted))
        else:
            self._object(bucket, unquote(quoted))

    def _change_bucket(self, bucket: StoredBucket) -> None:
        if self.command == "PATCH":
            billing = json.loads(self._body).get("billing", {})
            bucket.requester_pays = bool(billing.get("requesterPays"))
        self._reply(_of_bucket(bucket))

    def _list(self, bucket: StoredBucket) -> None:
        query = self._query
        first, bound = query.get("startOffset", ""), query.get("endOffset", "")
        after, most = query.get("pageToken", "").encode(), int(query.get("maxResults", 1000))
        names = [
            name
            for name in sorted(each.encode() for each in bucket.objects)
            if name.startswith(query.get("prefix", "").encode())
            and first.encode() <= name
            and (not bound or name < bound.encode())
            and name > after
        ]
        page = [bucket.objects[name.decode()] for name in names[:most]]
        asked = re.search(r"items\(([^)]*)\)", query.get("fields", ""))
        items = [
            {
                name: value
                for name, value in each.resource(bucket.name, with_hashes=_is_plain(each)).items()
                if asked is None or name in asked[1].split(",")
            }
            for each in page
        ]
        more = {"nextPageToken": page[-1].name} if len(names) > most else {}
        self._reply({"items": items} | more)

    def _upload(self, bucket: StoredBucket) -> None:
        boundary = self.headers["Content-Type"].partition("boundary=")[2].strip('"')
        _, first, second, _ = self._body.split(f"--{boundary}".encode())
        described = json.loads(first.partition(b"\r\n\r\n")[2])
        head, _, content = second.partition(b"\r\n\r\n")
        media_type = head.decode().partition(":")[2].strip()
        changeable = {name: described[name] for name in CHANGEABLE if name in described}
        stored = StoredObject(
            name=str(described.get("name") or self._query["name"]),
            content=content.removesuffix(b"\r\n"),
            generation=next(self.server.generations),
            changeable={"contentType": media_type} | changeable,
            key_sha256=self.headers.get("X-Goog-Encryption-Key-Sha256"),
            kms_key=self._query.get("kmsKeyName"),
        )
        bucket.objects[stored.name] = stored
        self._reply(stored.resource(bucket.name, with_hashes=True))

    def _compose(self, bucket: StoredBucket, name: str) -> None:
        body = json.loads(self._body)
        parts = [bucket.found(each["name"]) for each in body["sourceObjects"]]
        described = body.get("destination", {})
        bucket.objects[name] = stored = StoredObject(
            name=name,
            content=b"".join(part.content for part in parts),
            generation=next(self.server.generations),
            changeable={each: described[each] for each in CHANGEABLE if each in described},
            component_count=sum(part.component_count or 1 for part in parts),
        )
        self._reply(stored.resource(bucket.name, with_hashes=True))

    def _object(self, bucket: StoredBucket, name: str) -> None:
        stored = bucket.found(name, self._query.get("generation"))
        if self.command == "DELETE":
            del bucket.objects[name]
            self._send(204, b"", {})
            return
        if self.command == "PATCH":
            changed = json.loads(self._body)
            stored.changeable |= {each: changed[each] for each in CHANGEABLE if each in changed}
            stored.metageneration += 1
        self._reply(stored.resource(bucket.name, with_hashes=stored.key_sha256 is None))

    def _read(self, bucket: StoredBucket, name: str) -> None:
        self.server.media_reads += 1
        key = self.headers.get("X-Goog-Encryption-Key-Sha256")
        stored = bucket.readable(name, self._query.get("generation"), key)
        about = {"X-Goog-Generation": str(stored.generation)}
        transcoded = stored.transcoded()
        if transcoded is not None and "gzip" not in self.headers.get("Accept-Encoding", ""):
            # The whole object, whatever range was asked for.
            self._send(200, transcoded, about | {"Warning": "214 UploadServer gunzipped"})
            return
        if encoding := stored.changeable.get("contentEncoding"):
            about["Content-Encoding"] = str(encoding)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is None:
            self._send(200, stored.content, about)
            return
        start, size = int(asked[1]), len(stored.content)
        if start >= size:
            message = "The requested range cannot be satisfied."
            raise ApiError(416, "requestedRangeNotSatisfiable", message)
        end = min(int(asked[2] or size), size - 1)
        piece = stored.content[start : end + 1]
        self._send(206, piece, about | {"Content-Range": f"bytes {start}-{end}/{size}"})

    # --- replies --------------------------------------------------------------------------

    def _reply(self, body: dict[str, Any]) -> None:
        self._send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _refuse(self, error: ApiError, *, is_media: bool) -> None:
        """An error as JSON; reads of content are answered with the message as plain text."""
        if is_media:
            plain = {"Content-Type": "text/html; charset=UTF-8"}
            self._send(error.code, error.message.encode(), plain)
            return
        one = {"domain": "global", "reason": error.reason, "message": error.message}
        body = {"error": {"code": error.code, "message": error.message, "errors": [one]}}
        self._send(error.code, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def _send(self, code: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _is_plain(stored: StoredObject) -> bool:
    """Whether a listing tells the hashes, which it does not of objects under customers' keys."""
    return stored.key_sha256 is None and stored.kms_key is None


def _of_bucket(bucket: StoredBucket) -> dict[str, Any]:
    billing = {"requesterPays": bucket.requester_pays}
    return {"kind": "storage#bucket", "name": bucket.name, "id": bucket.name, "billing": billing}
