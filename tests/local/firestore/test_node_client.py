"""The official Node client on the local Firestore, and on Google's emulator as a second opinion.

What it asks for is in `node_client/client.test.js`. It needs Node and npm, and the registry once
for each version of the lock.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.emulator import emulator_host, needs_emulator
from tests.npm_packages import node_modules

__all__ = ["emulator_host", "needs_emulator"]

SCRIPT = Path(__file__).with_name("node_client") / "client.test.js"


@pytest.fixture(scope="module")
def client_modules() -> Path:
    return node_modules(SCRIPT.parent)


def test_it_is_served(client_modules: Path, served_firestore: dict[str, str]) -> None:
    _run(client_modules, served_firestore["grpc"], "embedded")


def test_the_emulator_answers_it_alike(client_modules: Path, emulator_host: str) -> None:
    _run(client_modules, emulator_host, "emulator")


def _run(modules: Path, host: str, server: str) -> None:
    variables = {
        "FIRESTORE_EMULATOR_HOST": host,
        "METADATA_SERVER_DETECTION": "none",  # no request leaves this machine
        "NODE_PATH": str(modules),
        "SERVER": server,
    }
    command = ["node", "--test", "--test-reporter=spec", str(SCRIPT)]
    played = subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert played.returncode == 0, played.stdout + played.stderr
