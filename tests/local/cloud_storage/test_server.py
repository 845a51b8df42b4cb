"""The guarded Cloud Storage server as a process, and what is behind it."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local.web_guard.rules import ADMIN_HEADER
from tests.contract.servers import wait_until
from tests.patience import PATIENCE

MIB = 2**20


class Served:
    """A server, its processes and a bucket in it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local.cloud_storage"], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.address = json.loads(self.process.stdout.readline())["url"].removeprefix("http://")
        self.client = storage.Client(
            project="demo",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://{self.address}"},
        )
        self.bucket = self.client.create_bucket("shelf")

    def program(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0])

    def hidden_port(self) -> int:
        """The port of fake-gcs-server itself."""
        words = Path(f"/proc/{self.program()}/cmdline").read_bytes().split(b"\0")
        return int(words[words.index(b"-port") + 1])

    def peak(self) -> int:
        """The most memory, in bytes, that the relay has held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        with closing(http.client.HTTPConnection(self.address, timeout=PATIENCE)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            reply = connection.getresponse()
            return reply.status, reply.read(), dict(reply.headers)

    def close(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.communicate()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with closing(Served()) as served:
        yield served


def names(served: Served) -> set[str]:
    return {blob.name for blob in served.bucket.list_blobs()}


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
def test_a_page_neither_reads_nor_writes(served: Served, headers: dict[str, str]) -> None:
    served.bucket.blob("secret").upload_from_string("mine")
    before = names(served)
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
    assert names(served) == before


def test_its_own_settings_are_changed_only_with_the_header(served: Served) -> None:
    change = json.dumps({"externalUrl": f"http://{served.address}"}).encode()
    assert served.ask("PUT", "/_internal/config", change, Content_Type="text/plain")[0] == 403
    assert served.ask("PUT", "/_internal/config", change, **{ADMIN_HEADER: "1"})[0] == 200


def test_no_browser_can_use_the_server_behind_the_guard(served: Served) -> None:
    """It speaks TLS alone, with a certificate that nobody who isn't told of it trusts."""
    port = served.hidden_port()
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.sendall(b"GET /storage/v1/b/shelf/o HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert plain.recv(1000).startswith(b"HTTP/1.0 400")
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")


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
    assert name in names(served)
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
    with socket.create_connection(("127.0.0.1", int(served.address.rpartition(":")[2]))) as sender:
        sender.sendall(
            b"POST /upload/storage/v1/b/shelf/o?uploadType=media&name=torn HTTP/1.1\r\n"
            b"Host: 127.0.0.1\r\n" + head.encode() + b"\r\n\r\n" + part
        )
        sender.shutdown(socket.SHUT_WR)
        sender.recv(1000)
    assert "torn" not in names(served)


@pytest.mark.parametrize("target", ["@evil.example/", "http://evil.example/", "evil.example:1/"])
def test_a_request_cannot_name_another_server(served: Served, target: str) -> None:
    with socket.create_connection(("127.0.0.1", int(served.address.rpartition(":")[2]))) as sender:
        sender.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert sender.recv(1000).split()[1] in {b"400", b"404"}


def test_it_ends_with_the_program_behind_it_and_takes_it_along() -> None:
    with closing(Served()) as served:
        os.kill(served.program(), signal.SIGKILL)
        assert served.process.wait(PATIENCE) == 4
    with closing(Served()) as served:
        program = served.program()
        served.process.terminate()
        assert served.process.wait(PATIENCE) == 0
        wait_until(lambda: not Path(f"/proc/{program}").exists())


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        argv = [sys.executable, "-m", "local.cloud_storage", "--port", port]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"port {port}" in done.stderr
