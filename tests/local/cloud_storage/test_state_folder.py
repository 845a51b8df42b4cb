"""What a state folder keeps, also when its server is killed."""

from __future__ import annotations

import http.client
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from local.cloud_storage.storage.state_folder import StateFolder
from tests.contract.servers import wait_until
from tests.local.cloud_storage.harness import Served

COUNT = 60
OBJECT = "/storage/v1/b/shelf/o/{}"
UPLOAD = "/upload/storage/v1/b/shelf/o?uploadType=media&name={}"


def contents(state: Path) -> list[int]:
    """The sizes of all files of content, of objects and of uploads."""
    found = [*(state / "objects").iterdir(), *(state / "uploads").iterdir()]
    return [path.stat().st_size for path in found]


def acknowledged(served: Served, ask: Callable[[int], int], *, kill_after: int) -> set[int]:
    """Ask one thing after another, and kill the server in between; return what it answered."""
    done: set[int] = set()

    def ask_all() -> None:
        for number in range(COUNT):
            try:
                assert ask(number) in {200, 204}
            except (OSError, http.client.HTTPException):
                return
            done.add(number)

    asking = threading.Thread(target=ask_all)
    asking.start()
    wait_until(lambda: len(done) >= kill_after)
    served.kill()
    asking.join()
    return done


def content(number: int) -> bytes:
    return f"{number} ".encode() * 1000 * (number % 7)


@pytest.mark.parametrize("kill_after", [1, 20])
def test_a_kill_while_objects_are_written_loses_none_that_was_acknowledged(
    tmp_path: Path, kill_after: int
) -> None:
    state = tmp_path / "state"
    with closing(Served(state)) as served:
        done = acknowledged(
            served,
            lambda number: served.ask("POST", UPLOAD.format(number), content(number))[0],
            kill_after=kill_after,
        )
    with closing(Served(state)) as served:
        names = {int(name) for name in served.names()}
        assert done <= names <= done | {len(done)}, "the next one may have been written too"
        for number in names:
            assert served.bucket.blob(f"{number}").download_as_bytes() == content(number)
        assert sorted(contents(state)) == sorted(len(content(number)) for number in names)


@pytest.mark.parametrize("kill_after", [1, 20])
def test_a_kill_while_objects_are_deleted_brings_none_back(tmp_path: Path, kill_after: int) -> None:
    state = tmp_path / "state"
    with closing(Served(state)) as served:
        for number in range(COUNT):
            served.ask("POST", UPLOAD.format(number), content(number))
        done = acknowledged(
            served,
            lambda number: served.ask("DELETE", OBJECT.format(number))[0],
            kill_after=kill_after,
        )
    with closing(Served(state)) as served:
        left = {int(name) for name in served.names()}
        gone = set(range(COUNT)) - left
        assert done <= gone <= done | {len(done)}
        for number in left:
            assert served.bucket.blob(f"{number}").download_as_bytes() == content(number)
        assert sorted(contents(state)) == sorted(len(content(number)) for number in left)


def test_a_kill_in_the_middle_of_an_upload_leaves_what_was_there(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with closing(Served(state)) as served:
        served.bucket.blob("a").upload_from_string("old")
        with socket.create_connection(("127.0.0.1", served.port)) as sender:
            sender.sendall(
                f"POST {UPLOAD.format('a')} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Content-Length: 1000000\r\n\r\n{'x' * 500_000}".encode()
            )
            wait_until(lambda: 500_000 in contents(state))
            served.kill()
    with closing(Served(state)) as served:
        assert served.bucket.blob("a").download_as_bytes() == b"old"
        assert contents(state) == [3]


def test_what_a_crash_left_between_two_steps_is_put_right(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with closing(Served(state)) as served:
        whole, cut, lost = (served.bucket.blob(name) for name in ("whole", "cut", "lost"))
        for blob in (whole, cut, lost):
            blob.upload_from_string("text")
    (state / "objects" / str(cut.generation)).write_bytes(b"te")
    (state / "objects" / str(lost.generation)).unlink()
    (state / "objects" / "1234").write_bytes(b"never listed")
    (state / "uploads" / "0").write_bytes(b"never finished")
    with closing(Served(state)) as served:
        assert served.names() == {"whole"}
        assert contents(state) == [4]


def test_content_that_is_replaced_or_deleted_leaves_the_disk(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with closing(Served(state)) as served:
        blob = served.bucket.blob("a")
        for content in ("one", "three"):
            blob.upload_from_string(content)
        assert contents(state) == [5]
        blob.delete()
        assert served.names() == set()
        assert contents(state) == []


def test_generations_grow_over_a_restart_with_a_clock_that_was_set_back(tmp_path: Path) -> None:
    with closing(Served(tmp_path / "state")) as served:
        served.bucket.blob("a").upload_from_string("text")
        served.bucket.blob("a").delete()
    later = 2**60
    with closing(sqlite3.connect(tmp_path / "state" / "index.sqlite")) as index:
        index.execute("UPDATE state SET latest = ?", (later,))
        index.commit()
    with closing(Served(tmp_path / "state")) as served:
        blob = served.bucket.blob("a")
        blob.upload_from_string("text")
        assert blob.generation == later + 1


def refusal(state: Path) -> str:
    argv = [sys.executable, "-m", "local.cloud_storage", "--state", str(state)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    return done.stderr


def test_a_second_server_on_the_folder_is_refused_and_disturbs_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with closing(Served(state)) as served:
        served.bucket.blob("a").upload_from_string("text")
        assert "in use by another server" in refusal(state)
        assert served.bucket.blob("a").download_as_bytes() == b"text"


def test_a_folder_of_other_files_or_of_another_version_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "objects").write_text("mine")
    assert "holds other files" in refusal(other)
    assert (other / "objects").read_text() == "mine"
    StateFolder(tmp_path / "state").close()
    with closing(sqlite3.connect(tmp_path / "state" / "index.sqlite")) as index:
        index.execute("PRAGMA user_version = 99")
    assert "written as version 99, not 1" in refusal(tmp_path / "state")
    (tmp_path / "file").touch()
    assert "exists" in refusal(tmp_path / "file")


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    StateFolder(tmp_path / "state").close()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
