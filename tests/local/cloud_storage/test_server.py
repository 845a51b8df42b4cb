"""The local Cloud Storage as a process: what it lets through, and what it holds."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import subprocess
import sys

import pytest

from local.web_guard.rules import ADMIN_HEADER
from tests.local.cloud_storage.harness import Served

MIB = 2**20


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_a_page_neither_reads_nor_writes(served: Served, headers: dict[str, str]) -> None:
    served.bucket.blob("secret").upload_from_string("mine")
    before = served.names()
    for method, path in (
        ("GET", "/storage/v1/b/shelf/o"),
        ("GET", "/download/storage/v1/b/shelf/o/secret?alt=media"),
        ("GET", "/shelf/secret"),
        ("POST", "/upload/storage/v1/b/shelf/o?uploadType=media&name=planted"),
        ("PUT", "/shelf/planted"),
        ("DELETE", "/storage/v1/b/shelf/o/secret"),
        ("OPTIONS", "/storage/v1/b/shelf/o"),
    ):
        status, body, told = served.ask(method, path, b"text", **headers)
        assert status == 403
        assert b"mine" not in body
        assert not [name for name in told if name.lower().startswith("access-control")]
    assert served.names() == before


def test_its_own_settings_are_changed_only_with_the_header(served: Served) -> None:
    path, change = "/admin/buckets/shelf/access", b'{"refused": []}'
    assert served.ask("PUT", path, change, Content_Type="text/plain")[0] == 403
    assert served.ask("PUT", path, change, **{ADMIN_HEADER: "1"})[0] == 200


def test_a_large_object_passes_through_without_being_held(served: Served) -> None:
    content = os.urandom(MIB) * 128
    small = served.bucket.blob("small")
    small.upload_from_string("warm")
    before = served.peak()
    whole = served.bucket.blob("whole")
    whole.upload_from_file(io.BytesIO(content), size=len(content), checksum=None)
    received = hashlib.sha256(whole.download_as_bytes(checksum=None)).digest()
    assert received == hashlib.sha256(content).digest()
    assert served.peak() - before < 32 * MIB
    whole.delete()


def test_urls_in_answers_lead_through_the_guard(served: Served) -> None:
    blob = served.bucket.blob("linked")
    blob.upload_from_string("text")
    assert blob.self_link.startswith(f"http://{served.address}/")
    assert blob.media_link.startswith(f"http://{served.address}/")
    start = "/upload/storage/v1/b/shelf/o?uploadType=resumable&name=r"
    assert served.ask("POST", start, b"{}")[2]["Location"].startswith(f"http://{served.address}/")


def test_ranges_odd_names_and_encodings_pass_unchanged(served: Served) -> None:
    name = "100%/a#b?c&d+e;f=ü%2F日本.txt"
    blob = served.bucket.blob(name)
    blob.content_encoding = "gzip"
    packed = b"\x1f\x8b not really"
    blob.upload_from_string(packed)
    assert blob.download_as_bytes(raw_download=True, start=3, end=5) == packed[3:6]
    assert name in served.names()
    status, _, told = served.ask("HEAD", "/storage/v1/b/shelf/o/nothing")
    assert (status, "Content-Length" in told) == (404, True)


def test_a_listing_may_have_parameters_as_long_as_names_are(served: Served) -> None:
    longest = "日" * 341
    served.bucket.blob(longest).upload_from_string("x")
    found = served.bucket.list_blobs(prefix=longest, start_offset=longest, end_offset=longest + "x")
    assert [blob.name for blob in found] == [longest]


@pytest.mark.parametrize("head", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_an_upload_that_breaks_off_leaves_no_object(served: Served, head: str) -> None:
    part = b"64\r\n" + b"x" * 100 + b"\r\n" if "chunked" in head else b"x" * 100
    with socket.create_connection(("127.0.0.1", served.port)) as sender:
        sender.sendall(
            b"POST /upload/storage/v1/b/shelf/o?uploadType=media&name=torn HTTP/1.1\r\n"
            b"Host: 127.0.0.1\r\n" + head.encode() + b"\r\n\r\n" + part
        )
        sender.shutdown(socket.SHUT_WR)
        sender.recv(1000)
    assert "torn" not in served.names()


@pytest.mark.parametrize("target", ["@evil.example/", "http://evil.example/", "evil.example:1/"])
def test_a_request_cannot_name_another_server(served: Served, target: str) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as sender:
        sender.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert sender.recv(1000).split()[1] in {b"400", b"404"}


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = [sys.executable, "-m", "local.cloud_storage", "--port", port]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"port {port}" in done.stderr
