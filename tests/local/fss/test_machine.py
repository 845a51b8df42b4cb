"""Whole runs of `fss` on this machine, as its users run it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]

FAST = ("--tier", "tier3", "--time-scale", "20")

FILES = {"a.md": "alpha", "ünïcode/b 🌊.txt": "beta", "c.py": "print('gamma')", "empty.txt": ""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@contextmanager
def running(*words: object) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "local.fss", *map(str, words)]
    process = subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def fss(*words: object) -> tuple[int, str, str]:
    with running(*words) as process:
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return process.returncode, stdout, stderr


def local(*words: object) -> dict[str, Any]:
    code, stdout, stderr = fss("local", *words, *FAST, "--json")
    assert code == 0, stderr
    summary: dict[str, Any] = json.loads(stdout)
    return summary


def descendants(pid: int) -> set[int]:
    """All processes below a process, whatever groups and sessions they are in."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < deadline:
        os.sched_yield()
    return condition()


def fetched(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        answer: dict[str, Any] = json.load(response)
        return answer


def test_a_folder_is_synced_and_the_next_run_with_its_state_does_only_what_changed(
    folder: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    first = local(folder, "--state", state)
    assert (first["status"], first["new"], first["indexed"]) == ("completed", 3, 3)
    assert first["skips"] == [{"path": "empty.txt", "reason": "empty"}]
    assert first["requests"]["metered"] == 6
    kept = [state, *state.rglob("*")]
    assert len(kept) > 20
    assert not [path for path in kept if stat.S_IMODE(path.stat().st_mode) & 0o077]

    (folder / "a.md").write_text("alpha, again")
    (folder / "c.py").unlink()
    second = local(folder, "--state", state)
    found = {name: second[name] for name in ("new", "changed", "removed", "unchanged")}
    assert found == {"new": 0, "changed": 1, "removed": 1, "unchanged": 1}
    assert second["requests"]["metered"] == 2

    shutil.rmtree(
        state / "cloud-storage"
    )  # a state of before the bucket's server, or a lost bucket
    third = local(folder, "--state", state)
    assert (third["unchanged"], third["requests"]["metered"]) == (2, 0), "other generations alone"


def test_what_rules_leave_out_is_counted_and_need_not_be_usable(folder: Path) -> None:
    for name in (
        "node_modules/d.js",
        "Entwu\u0308rfe/e.md",
        ".DS_Store",
        "node_modules/bad-\udcff",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("left out", encoding="utf-8")
    summary = local(folder, "--exclude", "Entw\u00fcrfe/**")
    assert (summary["scanned"], summary["indexed"], summary["skipped"]) == (7, 3, 4)
    rules = {"node_modules/": 1, ".DS_Store": 1, "EXCLUDE Entw\u00fcrfe/**": 1}
    assert summary["ignored"] == rules
    assert [skip["path"] for skip in summary["skips"]] == ["empty.txt"]


def test_links_out_of_the_folder_are_listed_and_followed_only_if_asked(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.md").write_text("of someone else")
    (folder / "x\x1b[2J.md").symlink_to(tmp_path / "elsewhere.md")
    (folder / "same.md").symlink_to("a.md")
    code, stdout, stderr = fss("local", folder, *FAST, "--json", "--dry-run")
    assert code == 0, stderr
    assert json.loads(stdout)["scanned"] == 5
    assert "1 links\n  x\\x1b[2J.md\n" in stderr
    assert local(folder, "--follow-links", "--dry-run")["scanned"] == 6


def test_a_killed_run_is_finished_by_the_next_one_with_its_state(
    folder: Path, tmp_path: Path
) -> None:
    for number in range(20):
        (folder / f"more-{number}.md").write_text(f"number {number}")
    state = tmp_path / "state"
    with running("local", folder, "--state", state, *FAST) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("working"):
                break
        children = descendants(process.pid)
        assert len(children) >= 8
        process.kill()
    assert eventually(lambda: not any(map(is_alive, children)))

    summary = local(folder, "--state", state)
    assert summary["status"] == "completed"
    assert summary["indexed"] == 23, "the batch that was begun is the one that is finished"
    assert local(folder, "--state", state)["unchanged"] == 23


def page_at(address: str) -> str:
    """The page, as a browser gets it."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.addheaders = [("Accept", "text/html")]
    with browser.open(address, timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
    return text


def test_up_prints_where_everything_is_and_ctrl_c_leaves_no_process(folder: Path) -> None:
    with running("up", folder, *FAST, "--json") as process:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        assert set(urls) == {
            "dispatcher", "upload", "status", "ask", "firestore", "project", "cloud_tasks",
            "cloud_tasks_admin", "storage", "gemini", "bucket", "queues", "page",
        }  # fmt: skip
        assert "<h1" in page_at(urls["page"])
        assert fetched(f"{urls['status']}/batches")["batches"] == []
        listing = fetched(f"{urls['storage']}/storage/v1/b/{urls['bucket']}/o")
        assert {item["name"] for item in listing["items"]} == set(FILES)
        assert len(fetched(f"{urls['cloud_tasks_admin']}/queues")["queues"]) == 3

        children = descendants(process.pid)
        assert len(children) >= 8
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert stdout == ""
    assert "--state" in stderr
    assert "Traceback" not in stderr
    assert not any(map(is_alive, children))


def test_a_taken_status_port_is_told_and_nothing_is_left(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, stdout, stderr = fss("up", folder, "--port", port)
    assert (code, stdout) == (4, "")
    assert f"port {port} on 127.0.0.1 is in use" in stderr


def test_faults_of_the_service_end_in_failed_files_and_exit_code_1(folder: Path) -> None:
    faults = json.dumps({"kind": "invalid_argument", "route": "stores.importFile"})
    code, stdout, stderr = fss("local", folder, *FAST, "--json", "--faults", faults)
    assert code == 1, stderr
    summary = json.loads(stdout)
    assert summary["failed"] == len(summary["failures"]) == 3
    assert {failure["kind"] for failure in summary["failures"]} == {"permanent"}
