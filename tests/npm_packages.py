"""Packages of npm that tests need, in the versions of a lock; fetched once for each lock."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.docs.markdown import ROOT

REQUIRE_NODE = "REQUIRE_NODE"
"""The environment variable that, set to 1, makes a test fail where it would be skipped."""

_FILES = ("package.json", "package-lock.json")


def node_modules(lock: Path) -> Path:
    """The folder of the packages of the lock in the folder ``lock``; without npm the test skips."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _skip("Node or npm is not on this machine")
    locked = b"".join((lock / name).read_bytes() for name in _FILES)
    folder = ROOT / "build" / lock.name / hashlib.sha256(locked).hexdigest()[:16]
    if not folder.exists():
        _install(lock, folder)
    return folder / "node_modules"


def _install(lock: Path, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch, "made")
        made.mkdir()
        for name in _FILES:
            shutil.copy(lock / name, made)
        installed = subprocess.run(
            ["npm", "ci", "--engine-strict", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=made,
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode:
            _skip(f"npm could not install {lock.name}: {installed.stderr.strip()}")
        try:
            made.rename(folder)  # at once, since another test process may look
        except OSError:
            if not folder.exists():  # otherwise that process was first
                raise


def _skip(reason: str) -> None:
    if os.environ.get(REQUIRE_NODE) == "1":
        pytest.fail(reason)
    pytest.skip(f"{reason} ({REQUIRE_NODE}=1 forbids to skip this)")
