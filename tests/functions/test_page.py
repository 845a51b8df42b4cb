"""The status function as a browser meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.hostile_names import HOSTILE
from tests.browser.page_scenes import failures, hostile
from tests.docs.markdown import ROOT
from tests.functions.framework_app import SETTINGS, framework_app
from tests.world import World

if TYPE_CHECKING:
    from flask.testing import FlaskClient

HTML = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
"""What browsers send when a person opens an address."""


@pytest.fixture(scope="module")
def world() -> World:
    return failures()


@pytest.fixture(scope="module")
def client(world: World) -> Iterator[FlaskClient]:
    with framework_app("status", world) as app:
        yield app.test_client()


@pytest.mark.parametrize("path", ["/", "/lists/failed", "/files?path=minutes/2025-11-03.md"])
@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html"])
def test_programs_get_json(client: FlaskClient, path: str, accept: str | None) -> None:
    answer = client.get(path, headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/page/live", "/page/latest", "/lists/failed", "/lists/skipped?prefix=photos/"),
        *("/lists/waiting", "/files?path=minutes/2025-11-03.md"),
    ],
)
def test_browsers_get_a_page_that_allows_nothing_from_elsewhere(
    client: FlaskClient, path: str
) -> None:
    answer = client.get(path, headers=HTML)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Accept" in answer.headers["Vary"]


def test_the_page_finds_its_style_and_script(client: FlaskClient) -> None:
    text = client.get("/", headers=HTML).get_data(as_text=True)
    for part in text.split('"'):
        if part.startswith("/assets/"):
            answer = client.get(part)
            assert answer.status_code == 200
            assert answer.mimetype in ("text/css", "text/javascript")
            assert "immutable" in answer.headers["Cache-Control"]
    assert client.get("/assets/page.js").status_code == 404
    assert client.get("/assets/..%2frendering.py").status_code == 404


def test_an_unknown_parameter_is_refused_in_a_browser_too(client: FlaskClient) -> None:
    assert client.get("/?x=1", headers=HTML).status_code == 400
    assert client.get("/lists/failed?page_token=x", headers=HTML).status_code == 400


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_has_its_page(name: str) -> None:
    with framework_app("status", hostile()) as app:
        answer = app.test_client().get("/files", query_string={"path": name}, headers=HTML)
    assert answer.status_code == 200
    assert "the service said" in answer.get_data(as_text=True)


LOADED = """
import sys
import functions.status.main
page = ("shared.page", "shared.http.pages", "cronsim")
print([name for name in sys.modules if name.startswith(page)])
"""


def test_a_start_of_the_function_loads_nothing_of_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        env=os.environ | SETTINGS,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
