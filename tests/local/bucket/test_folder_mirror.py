from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.bucket.bucket_server import BucketServer
from local.bucket.folder_mirror import Mirrored, mirror
from local.bucket.folder_survey import survey
from local.processes.children import CouldNotRun, Processes
from local.processes.ports import free_ports

if TYPE_CHECKING:
    from google.cloud import storage

NAMES = [
    "a.txt",
    "sub/b c.md",
    "ünïcode/日本語 🌊.txt",
    "100%/a#b?c&d+e.txt",
    "back\\slash.txt",
    "e\u0301.txt",
    ".hidden",
]


@pytest.fixture(scope="module", params=["temporary", "kept"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BucketServer]:
    folder = tmp_path_factory.mktemp("objects") if request.param == "kept" else None
    with Processes(tmp_path_factory.mktemp("logs")) as processes:
        server = BucketServer(processes, port=free_ports(1)[0], state=folder)
        server.wait()
        yield server


@pytest.fixture
def bucket(server: BucketServer) -> Iterator[storage.Bucket]:
    with closing(server.client("demo")) as client:
        bucket = client.create_bucket("shelf")
        yield bucket
        bucket.delete(force=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    for name in NAMES:
        write(folder / name, name)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def generations(bucket: storage.Bucket) -> dict[str, int]:
    return {blob.name: blob.generation for blob in bucket.list_blobs()}


def test_every_file_becomes_an_object_of_its_name(bucket: storage.Bucket, folder: Path) -> None:
    assert mirror(survey(folder).files, bucket) == Mirrored(
        uploaded=len(NAMES), deleted=0, unchanged=0
    )
    held = {blob.name: blob.download_as_text() for blob in bucket.list_blobs()}
    assert held == {name: name for name in NAMES}


def test_a_second_run_leaves_every_generation_alone(bucket: storage.Bucket, folder: Path) -> None:
    mirror(survey(folder).files, bucket)
    before = generations(bucket)
    assert mirror(survey(folder).files, bucket).unchanged == len(NAMES)
    assert generations(bucket) == before


def test_only_what_changed_is_written_and_what_is_gone_deleted(
    bucket: storage.Bucket, folder: Path
) -> None:
    mirror(survey(folder).files, bucket)
    before = generations(bucket)
    write(folder / "a.txt", "A.txt")  # the same size
    write(folder / "new.txt", "new")
    (folder / ".hidden").unlink()
    assert mirror(survey(folder).files, bucket) == Mirrored(2, 1, len(NAMES) - 2)
    after = generations(bucket)
    assert {name for name in after if after[name] != before.get(name)} == {"a.txt", "new.txt"}
    assert ".hidden" not in after


def test_a_file_may_take_the_name_of_a_folder_and_a_folder_that_of_a_file(
    bucket: storage.Bucket, folder: Path
) -> None:
    mirror(survey(folder).files, bucket)
    (folder / "sub" / "b c.md").unlink()
    (folder / "sub").rmdir()
    write(folder / "sub", "now a file")
    (folder / "a.txt").unlink()
    write(folder / "a.txt" / "inside", "now in a folder")
    mirror(survey(folder).files, bucket)
    assert bucket.blob("sub").download_as_text() == "now a file"
    assert bucket.blob("a.txt/inside").download_as_text() == "now in a folder"


def test_a_file_in_several_pieces_arrives_whole(bucket: storage.Bucket, tmp_path: Path) -> None:
    content = os.urandom(17 * 2**20)
    (tmp_path / "large.bin").write_bytes(content)
    mirror(survey(tmp_path).files, bucket)
    assert bucket.blob("large.bin").download_as_bytes() == content
    assert mirror(survey(tmp_path).files, bucket).unchanged == 1


def test_objects_and_generations_outlive_the_server(tmp_path: Path) -> None:
    files = tmp_path / "files"
    write(files / "ünïcode.txt", "text")
    seen = []
    for _ in range(2):
        with Processes(tmp_path) as processes:
            server = BucketServer(processes, port=free_ports(1)[0], state=tmp_path / "kept")
            server.wait()
            with closing(server.client("demo")) as client:
                bucket = client.bucket("shelf")
                if not bucket.exists():
                    bucket.create()
                mirror(survey(files).files, bucket)
                seen.append({(b.name, b.generation, b.md5_hash) for b in bucket.list_blobs()})
    assert seen[0] == seen[1]
    assert len(seen[0]) == 1


def swapped(path: Path, other: str) -> None:
    """Put something else in the place of a file."""
    path.unlink(missing_ok=True)
    match other:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to("/etc/passwd")
        case "folder":
            path.mkdir()
        case "socket":
            here = Path.cwd()
            os.chdir(path.parent)
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(path.name)
            os.chdir(here)
        case "device":
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero


@pytest.mark.parametrize("other", ["pipe", "link", "folder", "socket", "device", "nothing"])
def test_what_takes_a_files_place_after_the_survey_is_not_copied(
    bucket: storage.Bucket, folder: Path, other: str
) -> None:
    if other == "device" and os.geteuid() != 0:
        pytest.skip("only the superuser makes devices")
    files = survey(folder).files
    swapped(folder / "a.txt", other)
    expected = "No such file" if other == "nothing" else "is not a regular file any more"
    with pytest.raises(CouldNotRun, match=rf"a\.txt.* {expected}|{expected}.*a\.txt"):
        mirror(files, bucket)
    assert "a.txt" not in generations(bucket)


def test_a_folder_that_became_a_link_after_the_survey_is_not_entered(
    bucket: storage.Bucket, folder: Path, tmp_path: Path
) -> None:
    write(tmp_path / "out/b c.md", "secret")
    files = survey(folder).files
    (folder / "sub/b c.md").unlink()
    (folder / "sub").rmdir()
    (folder / "sub").symlink_to(tmp_path / "out", target_is_directory=True)
    with pytest.raises(CouldNotRun, match=r"b c\.md is not a regular file any more"):
        mirror(files, bucket)
    assert "sub/b c.md" not in generations(bucket)


@pytest.mark.parametrize("size", [1000, 17 * 2**20], ids=["small", "in pieces"])
def test_a_file_that_grows_while_it_is_copied_is_copied_as_it_was(
    bucket: storage.Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = os.urandom(size)
    path = tmp_path / "log.txt"
    path.write_bytes(content)
    monkeypatch.setattr(os, "preadv", before_each(os.preadv, lambda: append(path)))
    mirror(survey(tmp_path).files, bucket)
    assert bucket.blob("log.txt").download_as_bytes() == content
    assert path.stat().st_size > size


@pytest.mark.parametrize("size", [1000, 17 * 2**20], ids=["small", "in pieces"])
def test_a_file_that_shrinks_while_it_is_copied_is_told(
    bucket: storage.Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(size))
    monkeypatch.setattr(os, "preadv", before_each(os.preadv, lambda: os.truncate(path, 10)))
    with pytest.raises(CouldNotRun, match=r"a\.bin has become shorter"):
        mirror(survey(tmp_path).files, bucket)
    assert generations(bucket) == {}


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def before_each(call: Callable[..., int], act: Callable[[], None]) -> Callable[..., int]:
    def acting(*arguments: Any) -> int:
        act()
        return call(*arguments)

    return acting
