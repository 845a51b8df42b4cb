from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from local.stack.disk_space import LEAST, DiskSpace

if TYPE_CHECKING:
    import pytest


def test_a_full_disk_is_told_once_and_so_is_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = SimpleNamespace(free=LEAST)
    monkeypatch.setattr(shutil, "disk_usage", {tmp_path: disk}.__getitem__)
    space = DiskSpace(tmp_path)
    for free in (LEAST, 0, 0, LEAST - 1, LEAST, LEAST + 1):
        disk.free = free
        space.check()
    assert caplog.messages == [
        f"the disk of {tmp_path} is full; the sync goes on when there is room",
        f"the disk of {tmp_path} has room again",
    ]
