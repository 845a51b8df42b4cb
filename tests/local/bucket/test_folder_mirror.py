from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.bucket.bucket_server import BucketServer
from local.bucket.folder_mirror import Mirrored, UnusableFolder, find_files, mirror
from local.bucket.synced_names import synced_names
from local.processes.children import Processes
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


@pytest.fixture(scope="module", params=["memory", "files"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BucketServer]:
    folder = tmp_path_factory.mktemp("objects") if request.param == "files" else None
    with Processes(tmp_path_factory.mktemp("logs")) as processes:
        server = BucketServer(processes, port=free_ports(1)[0], folder=folder)
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
    assert mirror(find_files(folder), bucket) == Mirrored(
        uploaded=len(NAMES), deleted=0, unchanged=0
    )
    held = {blob.name: blob.download_as_text() for blob in bucket.list_blobs()}
    assert held == {name: name for name in NAMES}


def test_a_second_run_leaves_every_generation_alone(bucket: storage.Bucket, folder: Path) -> None:
    mirror(find_files(folder), bucket)
    before = generations(bucket)
    assert mirror(find_files(folder), bucket).unchanged == len(NAMES)
    assert generations(bucket) == before


def test_only_what_changed_is_written_and_what_is_gone_deleted(
    bucket: storage.Bucket, folder: Path
) -> None:
    mirror(find_files(folder), bucket)
    before = generations(bucket)
    write(folder / "a.txt", "A.txt")  # the same size
    write(folder / "new.txt", "new")
    (folder / ".hidden").unlink()
    assert mirror(find_files(folder), bucket) == Mirrored(2, 1, len(NAMES) - 2)
    after = generations(bucket)
    assert {name for name in after if after[name] != before.get(name)} == {"a.txt", "new.txt"}
    assert ".hidden" not in after


def test_a_file_may_take_the_name_of_a_folder_and_a_folder_that_of_a_file(
    server: BucketServer, bucket: storage.Bucket, folder: Path
) -> None:
    mirror(find_files(folder), bucket)
    (folder / "sub" / "b c.md").unlink()
    (folder / "sub").rmdir()
    write(folder / "sub", "now a file")
    (folder / "a.txt").unlink()
    write(folder / "a.txt" / "inside", "now in a folder")
    mirror(find_files(folder), bucket, after_deletes=server.remove_empty_folders)
    assert bucket.blob("sub").download_as_text() == "now a file"
    assert bucket.blob("a.txt/inside").download_as_text() == "now in a folder"


def test_a_file_in_several_pieces_arrives_whole(bucket: storage.Bucket, tmp_path: Path) -> None:
    content = os.urandom(17 * 2**20)
    (tmp_path / "large.bin").write_bytes(content)
    mirror(find_files(tmp_path), bucket)
    assert bucket.blob("large.bin").download_as_bytes() == content
    assert mirror(find_files(tmp_path), bucket).unchanged == 1


def test_objects_and_generations_outlive_the_server(tmp_path: Path) -> None:
    files = tmp_path / "files"
    write(files / "ünïcode.txt", "text")
    seen = []
    for _ in range(2):
        with Processes(tmp_path) as processes:
            server = BucketServer(processes, port=free_ports(1)[0], folder=tmp_path / "kept")
            server.wait()
            with closing(server.client("demo")) as client:
                bucket = client.bucket("shelf")
                if not bucket.exists():
                    bucket.create()
                mirror(find_files(files), bucket)
                seen.append({(b.name, b.generation, b.md5_hash) for b in bucket.list_blobs()})
    assert seen[0] == seen[1]
    assert len(seen[0]) == 1


def test_links_to_files_count_and_other_links_do_not(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere.txt", "linked")
    (folder / "link.txt").symlink_to(tmp_path / "elsewhere.txt")
    (folder / "dangling").symlink_to(tmp_path / "nothing")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    found = {file.name: file.size for file in find_files(folder)}
    assert set(found) == {*NAMES, "link.txt"}
    assert found["link.txt"] == len("linked")


def test_a_missing_folder_a_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name, told in {
        "missing": "does not exist",
        "file": "is not a folder",
        "empty": "there is nothing to sync",
    }.items():
        with pytest.raises(UnusableFolder, match=told):
            find_files(tmp_path / name)


def test_all_files_that_cannot_be_synced_are_named_ten_of_them_in_full(folder: Path) -> None:
    for number in range(12):
        (folder / os.fsdecode(b"bad-\xff-%02d" % number)).touch()
    with pytest.raises(UnusableFolder) as refused:
        find_files(folder)
    lines = str(refused.value).splitlines()
    assert lines[0].startswith("12 of the files")
    assert len([line for line in lines if "not valid UTF-8" in line]) == 10
    assert lines[-1].strip() == "and 2 more"
    str(refused.value).encode()  # can be printed


def test_a_file_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a broken open: the superuser may read everything."""
    usual = Path.open

    def guarded(self: Path, *args: object, **kwargs: object) -> object:
        if self.name == "a.txt":
            raise PermissionError(13, "Permission denied")
        return usual(self, *args, **kwargs)  # type: ignore[call-overload] # passes on what it got

    monkeypatch.setattr(Path, "open", guarded)
    with pytest.raises(UnusableFolder, match=r"a\.txt: Permission denied"):
        find_files(folder)


def test_a_name_too_long_for_a_state_is_refused_only_with_one(tmp_path: Path) -> None:
    write(tmp_path / ("é" * 120), "x")
    assert len(find_files(tmp_path)) == 1
    with pytest.raises(UnusableFolder, match="240 bytes; with --state the limit is 230"):
        find_files(tmp_path, longest_part=230)


def test_a_path_no_object_can_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path.joinpath(*["d" * 200] * 5, "x" * 30), "x")
    with pytest.raises(UnusableFolder, match="1035 bytes; an object name has at most 1024"):
        find_files(tmp_path)


BAD = os.fsdecode(b"bad-\xff.md")


def names(folder: Path, prefix: str = "", **settings: str) -> set[str]:
    return {file.name for file in find_files(folder, is_synced=synced_names(settings, prefix))}


@pytest.mark.parametrize(
    ("inside", "settings"),
    [
        ("drafts/a", {"EXCLUDE": "drafts/**"}),
        ("node_modules/b", {}),
        ("x/.git/objects", {}),
        ("pictures", {"INCLUDE": "**/*.txt,sub/**"}),
        (os.fsdecode(b"ca\xfe"), {"EXCLUDE": "ca?/**"}),
        ("Entwu\u0308rfe", {"EXCLUDE": "Entw\u00fcrfe/**"}),
    ],
    ids=["excluded", "ignored", "deep", "not included", "bad folder", "other form"],
)
def test_a_bad_name_that_no_sync_takes_is_no_error(
    folder: Path, inside: str, settings: dict[str, str]
) -> None:
    write(folder / inside / BAD, "x")
    write(folder.joinpath(inside, *["d" * 200] * 5, "x" * 30), "x")
    assert names(folder, **settings) == set(NAMES)
    with pytest.raises(UnusableFolder, match="2 of the files"):
        find_files(folder)


def test_a_bad_name_outside_the_syncs_prefix_is_no_error(folder: Path) -> None:
    write(folder / "other" / BAD, "x")
    assert names(folder, "sub/") == set(NAMES)
    for prefix in ("", "oth"):
        with pytest.raises(UnusableFolder, match="not valid UTF-8"):
            names(folder, prefix)


def test_a_bad_name_is_an_error_where_its_rule_is_switched_off(folder: Path) -> None:
    write(folder / ".git" / BAD, "x")
    assert names(folder) == set(NAMES)
    with pytest.raises(UnusableFolder, match="not valid UTF-8"):
        names(folder, NOT_IGNORED=".git/")


def test_the_bad_sidecar_of_an_excluded_file_is_no_error(folder: Path) -> None:
    write(folder / f"{BAD}.meta.json", "{}")
    assert names(folder, EXCLUDE="bad*.md") == set(NAMES)


def test_ignored_files_with_good_names_are_copied_so_that_a_sync_counts_them(folder: Path) -> None:
    write(folder / "node_modules/a.js", "x")
    assert names(folder) == {*NAMES, "node_modules/a.js"}


@pytest.mark.parametrize(
    ("settings", "is_error"),
    [
        ({}, True),
        ({"EXCLUDE": "locked/**"}, False),
        ({"EXCLUDE": "locked/*"}, True),
        ({"INCLUDE": "**/*.md"}, True),
    ],
    ids=str,
)
def test_an_unreadable_folder_is_an_error_unless_everything_in_it_is_excluded(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    is_error: bool,
) -> None:
    """By a broken listing: the superuser may read everything."""
    (folder / "locked").mkdir()
    usual = os.scandir

    def guarded(path: str) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", path)
        return usual(path)

    monkeypatch.setattr(os, "scandir", guarded)
    if is_error:
        with pytest.raises(UnusableFolder, match="locked: Permission denied"):
            names(folder, **settings)
    else:
        assert names(folder, **settings) == set(NAMES)
