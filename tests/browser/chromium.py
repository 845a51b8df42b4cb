"""Debian's Chromium, as a person would have it, but without a window."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.patience import PATIENCE

REQUIRE_BROWSER = "REQUIRE_BROWSER"
"""The environment variable that, set to 1, has the tests fail where there is no browser."""

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
    "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-proxy-server",
)  # fmt: skip

REBOUND = "rebound.test"
"""A host name that leads to 127.0.0.1, as a page's own does after DNS rebinding."""


def chromium() -> str:
    """The path of the browser; without one, the test is skipped."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get(REQUIRE_BROWSER) == "1":
            pytest.fail("there is no chromium on this machine")
        pytest.skip("there is no chromium on this machine (apt-get install chromium)")
    return found


@contextmanager
def visiting(browser: str, url: str, profile: Path) -> Iterator[None]:
    """Have the page open for the duration of the context, in a browser with an empty profile."""
    process = subprocess.Popen(
        [*command(browser, profile), "--remote-debugging-port=0", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def content_of(browser: str, url: str, profile: Path) -> str:
    """What the browser shows of a page, as HTML."""
    done = subprocess.run(
        [*command(browser, profile), "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout


def command(browser: str, profile: Path) -> list[str]:
    """The command line of the browser, without the page."""
    rebinding = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"
    return [browser, *_FLAGS, f"--user-data-dir={profile}", rebinding]
