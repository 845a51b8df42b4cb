"""The digests of the pipeline's images are renewed from what a registry tells."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.terraform.images import IMAGES, MANIFESTS, CannotRenew, digest_of, renew

DIGEST = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
INDEX = "application/vnd.oci.image.index.v1+json"


class Registry:
    """Knows tags, and wants a token that it gives to anybody."""

    def __init__(self) -> None:
        self.tags: dict[str, tuple[str, str]] = {}
        self.url = ""


@pytest.fixture
def registry() -> Iterator[Registry]:
    played = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            name = self.path.removeprefix("/v2/").replace("/manifests/", ":")
            scope = f"repository:{name.partition(':')[0]}:pull"
            assert self.headers["Accept"] == MANIFESTS
            if self.headers["Authorization"] != f"Bearer for {scope}":
                challenge = f'Bearer realm="{played.url}/token",service="played"'
                self._answer(401, {"WWW-Authenticate": challenge})
            elif name in played.tags:
                kind, digest = played.tags[name]
                self._answer(200, {"Content-Type": kind, "Docker-Content-Digest": digest})
            else:
                self._answer(404, {})

        def do_GET(self) -> None:
            scope = self.path.partition("scope=")[2].replace("%3A", ":").replace("%2F", "/")
            body = json.dumps({"token": f"for {scope}"}).encode()
            self._answer(200, {"Content-Length": str(len(body))})
            self.wfile.write(body)

        def _answer(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_port}"
    yield played
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    file = tmp_path / "images.json"
    kept = {
        "one": {"image": "one:1", "digest": DIGEST},
        "two": {"image": "somebody/two:2", "digest": ""},
    }
    file.write_text(json.dumps(kept))
    return file


def test_a_tag_has_the_digest_that_its_registry_tells(registry: Registry) -> None:
    registry.tags["library/python:3.11-bookworm"] = (INDEX, DIGEST)
    assert digest_of("python:3.11-bookworm", registry.url) == DIGEST


def test_all_images_of_the_list_are_renewed(registry: Registry, images: Path) -> None:
    registry.tags = {"library/one:1": (INDEX, DIGEST), "somebody/two:2": (INDEX, OTHER)}
    assert renew(images, registry.url) == [f"somebody/two:2: {OTHER}"]
    assert [each["digest"] for each in json.loads(images.read_text()).values()] == [DIGEST, OTHER]
    assert renew(images, registry.url) == []


def test_nothing_is_written_unless_all_are_told(registry: Registry, images: Path) -> None:
    registry.tags = {"library/one:1": (INDEX, OTHER)}
    before = images.read_text()
    with pytest.raises(CannotRenew, match=r"somebody/two:2: http.*/v2/.* answers 404"):
        renew(images, registry.url)
    assert images.read_text() == before


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        ("application/vnd.docker.distribution.manifest.v2+json", DIGEST),
        (INDEX, "sha256:short"),
    ],
)
def test_what_is_no_digest_of_all_platforms_is_refused(
    kind: str, digest: str, registry: Registry
) -> None:
    registry.tags["library/one:1"] = (kind, digest)
    with pytest.raises(CannotRenew, match="names no digest of all platforms"):
        digest_of("one:1", registry.url)


def test_a_registry_that_is_not_there_is_told() -> None:
    with pytest.raises(CannotRenew, match=r"one:1: http://127\.0\.0\.1:9/v2/.* can't be reached"):
        digest_of("one:1", "http://127.0.0.1:9")


def test_the_list_is_as_a_renewal_writes_it() -> None:
    text = IMAGES.read_text()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
