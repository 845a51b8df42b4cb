"""`fss page` serves a deployment's page with the person's own identity."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.local.fss.command import FSS, ROOT, fss
from tests.local.fss.played import Played, played
from tests.patience import PATIENCE

__all__ = ["played"]

PRINTS_A_TOKEN = "printf a-token"


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command while it serves, and the address that it printed."""
    process = subprocess.Popen(
        [*FSS, "page", "--json", *words],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())["page"]
    finally:
        process.kill()
        process.communicate()


def browsed(address: str) -> str:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.addheaders = [("Accept", "text/html")]
    with browser.open(address, timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
    return text


def test_the_page_comes_from_the_deployment_with_the_persons_token(played: Played) -> None:
    played.answers["GET /breaker"] = (200, {"breaker": {}, "hold": None})
    played.answers["GET /"] = (200, "<h1>In step</h1>")
    with serving("--token-command", PRINTS_A_TOKEN) as (process, address):
        assert browsed(address) == "<h1>In step</h1>"
        with pytest.raises(urllib.error.HTTPError) as refused:
            browsed(address.partition("?")[0])
        refused.value.close()
        assert refused.value.code == 403
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        assert process.returncode == 130
    assert [(asked, bearer) for asked, _, bearer in played.asked] == [
        ("GET /breaker", "Bearer a-token"),
        ("GET /", "Bearer a-token"),
    ]


def test_a_token_that_ends_is_fetched_again(played: Played) -> None:
    played.answers["GET /breaker"] = (200, {"breaker": {}, "hold": None})
    played.answers["GET /"] = (401, "<html>Unauthorized")
    with serving("--token-command", PRINTS_A_TOKEN) as (_, address):
        with pytest.raises(urllib.error.HTTPError) as refused:
            browsed(address)
        said = refused.value.read().decode()
        refused.value.close()
    assert refused.value.code == 502
    assert "the token is not accepted" in said
    assert [asked for asked, *_ in played.asked].count("GET /") == 2


def test_a_deployment_that_refuses_is_told_before_anything_is_served(played: Played) -> None:
    played.answers["GET /breaker"] = (403, "<html>Forbidden")
    done = fss("page", variables=dict(os.environ))
    assert done.returncode == 4
    assert done.stdout == ""
    assert "it needs a token" in done.stderr


def test_a_port_that_is_taken_is_told(played: Played) -> None:
    played.answers["GET /breaker"] = (200, {"breaker": {}, "hold": None})
    port = played.url.rpartition(":")[2]
    done = fss("page", "--port", port, variables=dict(os.environ))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--port {port} can't be used" in done.stderr
