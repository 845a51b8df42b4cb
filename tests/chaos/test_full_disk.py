"""The disk of a run's state is full for a while: a small file system of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.chaos.sample_files import write_library
from local.chaos.store_listing import list_everything
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
FILES = 120
SIZE = "64m"
FULL_FOR = 20.0
"""Seconds without room: longer than a request to the database is repeated."""

MOUNTED = ("unshare", "--map-root-user", "--mount", "sh", "-c")
COMMAND = f'mount -t tmpfs -o size={SIZE} tmpfs "$0" && exec "$@"'
FULL, ROOM = "is full; the sync goes on when there is room", "has room again"

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]


@contextmanager
def run_on_a_small_disk(library: Path, disk: Path) -> Iterator[subprocess.Popen[str]]:
    """`fss local --keep` with its state on a disk that only it sees, in a mount namespace."""
    fss = (sys.executable, "-m", "local.fss", "local", library, "--state", disk / "state")
    options = ("--tier", "tier3", "--time-scale", "20", "--keep", "--json")
    process = subprocess.Popen(
        [*MOUNTED, COMMAND, disk, *fss, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def fill(disk: Path) -> None:
    """Write zeros until there is no room."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            return


def test_a_sync_goes_on_when_a_full_disk_has_room_again(tmp_path: Path) -> None:
    library, disk = tmp_path / "library", tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        [*MOUNTED, COMMAND, disk, "true"], capture_output=True, check=False
    ).returncode:
        pytest.skip("a mount namespace of one's own is not allowed on this machine")
    paths = write_library(library, FILES, seed=FILES)
    with run_on_a_small_disk(library, disk) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        said: list[str] = []

        def told(text: str) -> None:
            for line in run.stderr or ():
                said.append(line)
                if text in line:
                    return
            pytest.fail(f"it ended without {text!r}: {said}")

        told(" metered, ")
        told("working; ")
        seen = Path(f"/proc/{run.pid}/root") / disk.relative_to("/")
        fill(seen)
        told(FULL)
        threading.Event().wait(FULL_FOR)
        (seen / "filler").unlink()
        summary = json.loads(run.stdout.readline())
        told("gemini ")
        contents = list_everything(said[-1].split()[1])

    assert (summary["status"], summary["indexed"], summary["failed"]) == ("completed", FILES, 0)
    documents = Counter(document.metadata["path"] for document in contents.documents)
    assert documents == Counter(paths.keys())
    whole = "".join(said)
    assert (whole.count(FULL), whole.count(ROOM)) == (1, 1)
    assert "Traceback" not in whole
