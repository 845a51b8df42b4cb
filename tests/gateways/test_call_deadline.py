"""A call ends at its deadline although bytes keep coming; without that, these tests never end."""

from __future__ import annotations

import io
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from shared.domain.errors import GatewayError, OutcomeUnknown, Unavailable
from shared.gateways.call_deadline import in_this_context, left, total_deadline
from shared.gateways.cloud_storage.bucket import CloudStorage
from shared.gateways.gemini import file_search
from shared.gateways.gemini.file_search import GeminiFileSearch

SOON = timedelta(seconds=0.4)
OFTEN = 0.05
"""Seconds between two bytes: many fit into the deadline."""
STORE = "fileSearchStores/s-1"

Manner = Callable[[socket.socket, threading.Event], None]


def header_byte_by_byte(connection: socket.socket, ended: threading.Event) -> None:
    """Begin an answer, and never come to the end of its headers."""
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    trickle(connection, ended)


def body_byte_by_byte(connection: socket.socket, ended: threading.Event) -> None:
    """Answer with a body that never ends."""
    connection.recv(1 << 16)
    connection.sendall(
        b"HTTP/1.1 206 Partial Content\r\nContent-Type: application/json\r\n"
        b"Content-Length: 4000000\r\nContent-Range: bytes 0-3999999/4000000\r\n\r\n"
    )
    trickle(connection, ended)


def trickle(connection: socket.socket, ended: threading.Event) -> None:
    while not ended.wait(OFTEN):
        connection.sendall(b" ")


def request_byte_by_byte(connection: socket.socket, ended: threading.Event) -> None:
    """Begin an upload, and take its content so slowly that it never ends."""
    host = connection.getsockname()
    connection.recv(1 << 16)
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"
        b"X-Goog-Upload-URL: http://%s:%d/upload\r\n\r\n" % (host[0].encode(), host[1])
    )
    while not ended.wait(OFTEN):
        connection.recv(1)


@contextmanager
def server(manner: Manner, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    ended = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # the test is over
                return
            threads.append(threading.Thread(target=answer, args=(connection,)))
            threads[-1].start()

    def answer(connection: socket.socket) -> None:
        try:
            secured = tls.wrap_socket(connection, server_side=True) if tls else connection
            with secured:
                manner(secured, ended)
        except OSError:  # the client has gone, which is what we want
            connection.close()

    threads.append(threading.Thread(target=serve))
    threads[0].start()
    try:
        yield f"{'https' if tls else 'http'}://localhost:{listening.getsockname()[1]}"
    finally:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for thread in threads:
            thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost, with its key."""
    pem = tmp_path_factory.mktemp("tls") / "localhost.pem"
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days", "2", "-batch"]
    made += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*made, "-keyout", pem, "-out", pem], check=True, capture_output=True)
    return pem


@contextmanager
def gemini(url: str, within: timedelta = SOON) -> Iterator[GeminiFileSearch]:
    with closing(GeminiFileSearch("key", base_url=url, timeout=within)) as client:
        yield client


@contextmanager
def bucket(url: str, within: timedelta = SOON) -> Iterator[CloudStorage]:
    with mock.patch.dict("os.environ", STORAGE_EMULATOR_HOST=url):
        client = storage.Client(project="p", credentials=AnonymousCredentials())
    with closing(CloudStorage(client, "b", timeout=within, retry_for=SOON)) as found:
        yield found


@pytest.mark.parametrize("manner", [header_byte_by_byte, body_byte_by_byte])
def test_a_call_of_gemini_ends_in_time(manner: Manner) -> None:
    with server(manner) as url, gemini(url) as client:
        with pytest.raises(Unavailable):
            client.get_store(STORE)
        with pytest.raises(OutcomeUnknown):
            client.import_file(STORE, "files/f-1", [], None)


def test_an_upload_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_search, "LEAST_SPEED", 1 << 40)
    content, size = io.BytesIO(bytes(9 << 20)), 9 << 20
    with (
        server(request_byte_by_byte) as url,
        gemini(url) as client,
        pytest.raises(OutcomeUnknown),
    ):
        client.upload("f-1", content, size=size, media_type="text/plain", display_name="f")


@pytest.mark.parametrize("manner", [header_byte_by_byte, body_byte_by_byte])
def test_a_call_of_the_bucket_ends_in_time(manner: Manner) -> None:
    with server(manner) as url, bucket(url) as found:
        with pytest.raises(Unavailable):
            found.read("a.md", 1, 0, 4_000_000)
        with pytest.raises(Unavailable):
            found.list_objects(prefix="", limit=10)


def test_an_upload_ends_in_time_whose_source_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of the whole upload counts, and not that of each read of the bucket."""
    monkeypatch.setattr(file_search, "LEAST_SPEED", 1 << 40)
    endless = timedelta(days=1)
    with (
        server(body_byte_by_byte) as from_url,
        server(request_byte_by_byte) as to_url,
        bucket(from_url, endless) as found,
        gemini(to_url) as client,
        pytest.raises(GatewayError),
    ):
        client.upload("f-1", _Source(found), size=10, media_type="text/plain", display_name="f")


class _Source(io.BytesIO):
    def __init__(self, found: CloudStorage) -> None:
        super().__init__()
        self._found = found

    def read(self, size: int | None = -1, /) -> bytes:
        return self._found.read("a.md", 1, 0, size or 1)


@pytest.mark.parametrize("manner", [header_byte_by_byte, body_byte_by_byte])
def test_encrypted_calls_end_in_time(
    manner: Manner, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with server(manner, tls) as url:
        with gemini(url) as client, pytest.raises(Unavailable):
            client.get_store(STORE)
        with bucket(url) as found, pytest.raises(Unavailable):
            found.read("a.md", 1, 0, 4_000_000)


def test_the_deadline_of_a_step_ends_the_calls_in_it() -> None:
    """Also those that the bucket makes in other threads."""
    endless = timedelta(days=1)
    with (
        server(body_byte_by_byte) as url,
        gemini(url, endless) as client,
        bucket(url, endless) as found,
        total_deadline(SOON),
    ):
        with pytest.raises(Unavailable):
            client.get_store(STORE)
        with pytest.raises(Unavailable):
            found.stat_each(["a.md", "b.md"])


def test_a_deadline_within_another_does_not_end_later() -> None:
    with total_deadline(timedelta()), total_deadline(timedelta(days=1)):
        with pytest.raises(TimeoutError):
            left(None)
        with pytest.raises(TimeoutError):
            in_this_context(left)(1.0)
    assert (left(None), left(1.0)) == (None, 1.0)
