from __future__ import annotations

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from local.processes.children import CouldNotRun
from local.stack.disk_space import ENOUGH, LEAST, DiskSpace
from local.stack.local_stack import LocalStack
from local.stack.options import StackOptions
from local.stack.run_folder import RunFolder


def test_a_full_disk_is_told_once_and_so_is_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = SimpleNamespace(free=LEAST)
    monkeypatch.setattr(shutil, "disk_usage", {tmp_path: disk}.__getitem__)
    space = DiskSpace(tmp_path)
    for free in (LEAST, 0, 0, LEAST - 1, LEAST, 0, ENOUGH - 1, LEAST - 1, ENOUGH, LEAST):
        disk.free = free
        space.check()
    assert caplog.messages == [
        f"the disk of {tmp_path} is full; the sync goes on when there is room",
        f"the disk of {tmp_path} has room again",
    ]


def test_a_stack_that_does_not_start_for_want_of_room_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    monkeypatch.setattr(RunFolder, "save_record", no_room)
    with (
        pytest.raises(CouldNotRun, match=f"^the disk of {tmp_path} is full$"),
        LocalStack(StackOptions(state=tmp_path)),
    ):
        pass
