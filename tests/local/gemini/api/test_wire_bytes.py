"""Plain HTTP: what the official clients do not show, or would never send."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.gemini.simulator import Simulator
from tests.patience import PATIENCE

KEY = {"x-goog-api-key": "key", "Content-Type": "application/json"}


@pytest.fixture
def connection(url: str) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    yield connection
    connection.close()


class Plain:
    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self.target = ""

    def send(
        self, method: str, target: str, body: object = None, headers: dict[str, str] = KEY
    ) -> tuple[http.client.HTTPResponse, Any]:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        self._connection.request(method, target, data, headers)
        response = self._connection.getresponse()
        text = response.read()
        return response, json.loads(text) if text else None

    def start(self, size: int) -> http.client.HTTPResponse:
        headers = {
            **KEY,
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Length": str(size),
            "X-Goog-Upload-Header-Content-Type": "text/plain",
        }
        response, _ = self.send("POST", "/upload/v1beta/files", {"file": {}}, headers)
        parts = urlsplit(response.headers["X-Goog-Upload-URL"])
        self.target = f"{parts.path}?{parts.query}"
        return response

    def chunk(self, data: bytes, offset: int, command: str) -> tuple[int, str | None, Any]:
        headers = {"X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(offset)}
        response, message = self.send("POST", self.target, data, headers)
        return response.status, response.headers["X-Goog-Upload-Status"], message


@pytest.fixture
def plain(connection: http.client.HTTPConnection) -> Plain:
    return Plain(connection)


def test_the_upload_url_is_absolute_and_the_servers_own(plain: Plain, url: str) -> None:
    response = plain.start(4)
    assert response.status == 200
    assert response.headers["X-Goog-Upload-URL"].startswith(f"{url}/upload/v1beta/files?upload_id=")
    assert response.headers["X-Goog-Upload-Status"] == "active"
    assert response.headers["X-Goog-Upload-Chunk-Granularity"] == "8388608"


def test_chunks_need_no_key_and_all_carry_a_status(plain: Plain) -> None:
    plain.start(6)
    assert plain.chunk(b"abc", 0, "upload") == (200, "active", None)
    status, upload, message = plain.chunk(b"def", 3, "upload, finalize")
    assert (status, upload) == (200, "final")
    assert message["file"]["sizeBytes"] == "6"


@pytest.mark.parametrize(
    ("data", "offset", "command"),
    [
        (b"def", 2, "upload"),
        (b"def", 4, "upload"),
        (b"defg", 3, "upload"),
        (b"de", 3, "upload, finalize"),
        (b"defg", 3, "upload, finalize"),
        (b"", 3, "upload"),
        (b"def", 3, "nonsense"),
    ],
    ids=["low", "high", "long", "short at the end", "long at the end", "empty", "command"],
)
def test_a_chunk_that_does_not_fit_ends_the_upload(
    plain: Plain, data: bytes, offset: int, command: str
) -> None:
    plain.start(6)
    plain.chunk(b"abc", 0, "upload")
    status, upload, message = plain.chunk(data, offset, command)
    assert (status, upload) == (400, "final")
    assert message["error"]["status"] == "INVALID_ARGUMENT"


def test_an_ended_upload_takes_nothing_more(plain: Plain) -> None:
    plain.start(3)
    plain.chunk(b"abcd", 0, "upload, finalize")
    assert plain.chunk(b"abc", 0, "upload, finalize")[:2] == (404, "final")
    plain.start(3)
    plain.chunk(b"abc", 0, "upload, finalize")
    assert plain.chunk(b"xyz", 0, "upload, finalize")[:2] == (400, "final")


def test_the_latest_chunk_may_be_sent_again(plain: Plain) -> None:
    plain.start(6)
    assert plain.chunk(b"abc", 0, "upload") == plain.chunk(b"abc", 0, "upload")
    first = plain.chunk(b"def", 3, "upload, finalize")
    assert plain.chunk(b"def", 3, "upload, finalize") == first
    assert first[:2] == (200, "final")


def test_a_raw_upload_is_one_request(plain: Plain) -> None:
    headers = {**KEY, "X-Goog-Upload-Protocol": "raw", "Content-Type": "text/plain"}
    response, message = plain.send("POST", "/upload/v1beta/files", b"raw {bytes\r\n--x", headers)
    assert response.status == 200
    file = message["file"]
    assert (file["mimeType"], file["sizeBytes"]) == ("text/plain", "15")


def test_a_multipart_upload_is_one_request_with_metadata(plain: Plain) -> None:
    body = (
        b"--cut\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
        b'{"file": {"name": "files/both", "display_name": "Both"}}\r\n'
        b"--cut\r\nContent-Type: text/markdown\r\n\r\n# one\r\n\r\ntwo\r\n--cut--\r\n"
    )
    headers = {
        **KEY,
        "X-Goog-Upload-Protocol": "multipart",
        "Content-Type": 'multipart/related; boundary="cut"',
    }
    _, message = plain.send("POST", "/upload/v1beta/files", body, headers)
    file = message["file"]
    assert (file["name"], file["displayName"]) == ("files/both", "Both")
    assert (file["mimeType"], file["sizeBytes"]) == ("text/markdown", "12")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/related", b"--cut\r\n\r\n{}\r\n--cut--"),
        ("multipart/related; boundary=cut", b"--cut\r\n\r\n{}\r\n--cut--"),
        ("multipart/related; boundary=cut", b"{}"),
    ],
)
def test_a_multipart_upload_without_two_parts_is_refused(
    plain: Plain, kind: str, body: bytes
) -> None:
    headers = {**KEY, "X-Goog-Upload-Protocol": "multipart", "Content-Type": kind}
    assert plain.send("POST", "/upload/v1beta/files", body, headers)[0].status == 400


def test_an_upload_can_be_queried_and_cancelled(plain: Plain) -> None:
    plain.start(6)
    plain.chunk(b"abc", 0, "upload")
    headers = {"X-Goog-Upload-Command": "query"}
    response, _ = plain.send("POST", plain.target, b"", headers)
    assert response.headers["X-Goog-Upload-Size-Received"] == "3"
    assert response.headers["X-Goog-Upload-Status"] == "active"
    headers = {"X-Goog-Upload-Command": "cancel"}
    response, _ = plain.send("POST", plain.target, b"", headers)
    assert response.headers["X-Goog-Upload-Status"] == "cancelled"
    assert plain.chunk(b"def", 3, "upload, finalize")[0] == 404


def test_a_missing_key_is_403(plain: Plain) -> None:
    response, message = plain.send("GET", "/v1beta/files", headers={})
    assert response.status == 403
    assert message["error"]["status"] == "PERMISSION_DENIED"
    assert plain.send("GET", "/v1beta/files?key=key", headers={})[0].status == 200


def test_a_connection_is_kept_and_errors_are_json(
    plain: Plain, connection: http.client.HTTPConnection
) -> None:
    plain.send("GET", "/v1beta/files")
    first = connection.sock
    for target in (
        "/v1beta/files/none",
        "/v1beta/nothing",
        "//v1beta//files",
        "/v1beta/files/%2e%2e",
    ):
        response, message = plain.send("GET", target)
        assert response.headers["Content-Type"].startswith("application/json")
        assert isinstance(message, dict)
    assert connection.sock is first


def test_a_reply_is_one_write(url: str) -> None:
    address = (urlsplit(url).hostname, urlsplit(url).port)
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        connection.sendall(
            b"GET /v1beta/files/none HTTP/1.1\r\nHost: localhost\r\nx-goog-api-key: k\r\n\r\n"
        )
        reply = connection.recv(65_536)
    head, _, body = reply.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403")
    assert json.loads(body)["error"]["code"] == 403


def test_a_body_announced_with_expect_is_asked_for(plain: Plain) -> None:
    response, message = plain.send(
        "POST", "/v1beta/fileSearchStores", {}, {**KEY, "Expect": "100-continue"}
    )
    assert response.status == 200
    assert message["name"].startswith("fileSearchStores/")


def test_a_client_that_goes_away_while_sending_leaves_an_entry_and_no_trace_in_the_log(
    plain: Plain, url: str, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    address = (urlsplit(url).hostname, urlsplit(url).port)
    plain.start(9)
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        head = f"POST {plain.target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
        connection.sendall(head.encode() + b"half")
    while (last := simulator.log.entries()[-1])["route"] != "upload.chunk":
        plain.send("GET", "/_sim/healthz")
    assert last["status"] == 0
    assert caplog.records == []
    assert plain.chunk(b"the whole", 0, "upload, finalize")[:2] == (200, "final")


def test_delete_answers_exactly_200(plain: Plain) -> None:
    _, store = plain.send("POST", "/v1beta/fileSearchStores", {"display_name": "a"})
    response, message = plain.send("DELETE", f"/v1beta/{store['name']}?force=True")
    assert (response.status, message) == (200, {})
