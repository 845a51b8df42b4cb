"""The official Node client on the local Firestore, and on Google's emulator as a second opinion.

What it asks for is in `node_client/client.test.js`. It needs Node and npm, and the registry once
for each version of the lock.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.emulator import emulator_host, needs_emulator
from tests.local.firestore.harness import ROOT

__all__ = ["emulator_host", "needs_emulator"]

REQUIRE_NODE = "REQUIRE_NODE"
"""The environment variable that, set to 1, makes a test fail where it would be skipped."""

SCRIPT = Path(__file__).with_name("node_client") / "client.test.js"
PACKAGES = ("package.json", "package-lock.json")


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The folder of the locked packages, which is filled once for each lock."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _skip("Node or npm is not on this machine")
    locked = b"".join(SCRIPT.with_name(name).read_bytes() for name in PACKAGES)
    folder = ROOT / "build" / "node_client" / hashlib.sha256(locked).hexdigest()[:16]
    if not folder.exists():
        _install(folder)
    return folder / "node_modules"


def test_it_is_served(node_modules: Path, served_firestore: dict[str, str]) -> None:
    _run(node_modules, served_firestore["grpc"], "embedded")


def test_the_emulator_answers_it_alike(node_modules: Path, emulator_host: str) -> None:
    _run(node_modules, emulator_host, "emulator")


def _run(node_modules: Path, host: str, server: str) -> None:
    variables = {
        "FIRESTORE_EMULATOR_HOST": host,
        "METADATA_SERVER_DETECTION": "none",  # no request leaves this machine
        "NODE_PATH": str(node_modules),
        "SERVER": server,
    }
    command = ["node", "--test", "--test-reporter=spec", str(SCRIPT)]
    played = subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert played.returncode == 0, played.stdout + played.stderr


def _install(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        for name in PACKAGES:
            shutil.copy(SCRIPT.with_name(name), made)
        installed = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=made,
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode:
            _skip(f"npm could not install the Node client: {installed.stderr.strip()}")
        made.rename(folder)  # at once, since another test process may look


def _skip(reason: str) -> None:
    if os.environ.get(REQUIRE_NODE) == "1":
        pytest.fail(reason)
    pytest.skip(f"{reason} ({REQUIRE_NODE}=1 forbids to skip this)")
