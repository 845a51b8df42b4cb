from __future__ import annotations

import errno
import json
import os
import socket
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from local.cloud_tasks.broker.store import Store
from local.cloud_tasks.queue.task import TaskRecord
from local.cloud_tasks.wire.messages import Task
from local.processes import ports
from local.processes.ports import HOST, free_ports, is_free
from local.stack import run_folder
from local.stack.run_folder import RunFolder, StateInUse, UnusableState
from local.stack.task_queues import redirect

ROOT = Path(__file__).parents[3]


def opened(state: Path | None, *, real: bool = False) -> RunFolder:
    return RunFolder(state, deployment="local", real=real)


def test_a_temporary_folder_is_gone_afterwards() -> None:
    folder = opened(None)
    assert folder.logs.is_dir()
    assert folder.kept("bucket") is None
    folder.close()
    assert not folder.root.exists()


def test_ports_are_the_same_in_the_next_run(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as folder:
        assert folder.choose_ports(["a", "b"]) == {}
        first = dict(folder.record.ports)
    with closing(opened(tmp_path)) as folder:
        assert folder.choose_ports(["a", "b"]) == {}
        assert folder.record.ports == first
        assert folder.kept("bucket") == tmp_path / "bucket"


def test_a_port_that_was_taken_meanwhile_is_replaced_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "LEAVE_TIME", 0.0)
    with closing(opened(tmp_path)) as folder:
        folder.choose_ports(["a", "b"])
        old = dict(folder.record.ports)
    with closing(opened(tmp_path)) as folder, socket.create_server((HOST, old["a"])):
        moved = folder.choose_ports(["a", "b"])
        assert moved == {old["a"]: folder.record.ports["a"]}
        assert folder.record.ports["b"] == old["b"]


def test_two_runs_cannot_share_a_folder(tmp_path: Path) -> None:
    with closing(opened(tmp_path)), pytest.raises(StateInUse, match="in use by another run"):
        opened(tmp_path)
    opened(tmp_path).close()


def test_a_folder_with_other_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(UnusableState, match="holds other files"):
        opened(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_folder_s_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableState, match="can't be used for the state"):
        opened(tmp_path / "file")


def test_a_state_belongs_to_the_real_service_or_to_a_simulated_one(tmp_path: Path) -> None:
    for name, real in (("real", True), ("simulated", False)):
        with closing(opened(tmp_path / name, real=real)) as folder:
            folder.save_record()
        with pytest.raises(UnusableState, match="state of"):
            opened(tmp_path / name, real=not real)


@pytest.mark.parametrize("record", ["{", "[]", '{"version": 1}', '{"version": 1, "other": 2}'])
def test_a_damaged_record_is_refused(record: str, tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / "run.json").write_text(record)
    with pytest.raises(UnusableState, match="is damaged"):
        opened(tmp_path)


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as folder:
        folder.save_record()
    fields = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**fields, "version": 99}))
    with pytest.raises(UnusableState, match="another version"):
        opened(tmp_path)


def test_free_ports_are_different_and_free() -> None:
    found = free_ports(20)
    assert len(set(found)) == 20
    assert all(map(is_free, found))


def test_a_chosen_port_is_given_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    first = free_ports(1)[0] + 1
    monkeypatch.setattr(ports, "CANDIDATES", range(first, first + 30))
    mine = free_ports(5)
    other = f"from local.processes import ports; ports.CANDIDATES = range({first}, {first + 30}); "
    other += "print(*ports.free_ports(20))"
    done = subprocess.run(
        [sys.executable, "-c", other], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {*map(int, done.stdout.split())} & {*mine}


def test_queued_tasks_follow_the_functions_to_their_new_ports(tmp_path: Path) -> None:
    state = tmp_path / "tasks.sqlite"
    store = Store(state)
    for name, url in {
        "moved": "http://127.0.0.1:20001/step",
        "kept": "http://127.0.0.1:20003/step",
    }.items():
        task = Task(name=name)
        task.http_request.url = url
        store.add_task(TaskRecord(task))
    store.close()

    assert redirect(state, {20001: 20002, 20002: 20009}) == 1

    store = Store(state)
    urls = {record.name: record.message.http_request.url for record in store.tasks()}
    store.close()
    assert urls == {
        "moved": "http://127.0.0.1:20002/step",
        "kept": "http://127.0.0.1:20003/step",
    }


def test_a_folder_on_a_full_disk_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "pwrite", no_room)
        with pytest.raises(UnusableState, match="can't be used for the state: No space left"):
            opened(tmp_path)
    opened(tmp_path).close()


def others_may(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode) & 0o077


def test_a_new_folder_is_its_owners_alone(tmp_path: Path) -> None:
    state = tmp_path / "new" / "state"
    with closing(opened(state)) as folder:
        folder.choose_ports(["a"])
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert not [path for path in state.rglob("*") if others_may(path)]


def test_a_state_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    state, outside = tmp_path / "state", tmp_path / "outside"
    outside.touch()
    opened(state).close()
    kept = state / "bucket" / "fss-local" / "a.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("text")
    (state / "link").symlink_to(outside)
    for path in (outside, kept, kept.parent, kept.parent.parent, state / "lock"):
        path.chmod(0o777)
    state.chmod(0o755)
    opened(state).close()
    assert not any(others_may(path) for path in (state, *state.rglob("*")) if path.name != "link")
    assert others_may(outside), "what a link leads to is not ours"
    assert kept.read_text() == "text"


def test_an_empty_folder_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    opened(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_the_mode_of_a_folder_of_other_files_stays(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    tmp_path.chmod(0o755)
    with pytest.raises(UnusableState):
        opened(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
