from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from local.bucket.folder_survey import UnusableFolder, survey
from local.bucket.synced_names import synced_names

NAMES = ["a.txt", "sub/b c.md", "ünïcode/日本語 🌊.txt", ".hidden"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    for name in NAMES:
        write(folder / name, name)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def found(folder: Path, *, follow_links: bool = False) -> dict[str, int]:
    files = survey(folder, follow_links=follow_links).files
    return {file.name: file.size for file in files}


def test_links_within_the_folder_lead_to_files_and_no_file_is_found_twice(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder / "a.txt")
    (folder / "sub/up.txt").symlink_to("../a.txt")
    (folder / "again").symlink_to(folder / "sub", target_is_directory=True)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "dangling").symlink_to(folder / "nothing")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "under-a-file").symlink_to(folder / "a.txt/x")
    os.mkfifo(folder / "pipe")
    for follow_links in (False, True):
        names = found(folder, follow_links=follow_links)
        assert set(names) == {*NAMES, "link.txt", "sub/up.txt"}
        assert names["link.txt"] == len("a.txt")
    assert survey(folder).links_out == ()


def test_a_folder_may_itself_be_given_by_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "given").symlink_to(folder, target_is_directory=True)
    (folder / "link.txt").symlink_to(folder / "a.txt")
    assert set(found(tmp_path / "given")) == {*NAMES, "link.txt"}


def test_links_out_of_the_folder_are_left_out_and_listed(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "folder-2/secret.txt", "of another folder of a similar name")
    (folder / "x").symlink_to("/etc/passwd")
    (folder / "sub/y").symlink_to("../../folder-2/secret.txt")
    (folder / "z").symlink_to(tmp_path / "folder-2", target_is_directory=True)
    (folder / "by-steps").symlink_to("z/secret.txt")
    (folder / "device").symlink_to("/dev/zero")
    assert set(found(folder)) == set(NAMES)
    assert survey(folder).links_out == ("by-steps", "sub/y", "x", "z")
    excluded = synced_names({"EXCLUDE": "sub/**,z/**"})
    assert survey(folder, is_synced=excluded).links_out == ("by-steps", "x")


def test_links_out_of_the_folder_are_followed_if_that_is_asked_for(
    folder: Path, tmp_path: Path
) -> None:
    write(tmp_path / "out/one.txt", "1")
    write(tmp_path / "out/deep/two.txt", "22")
    (tmp_path / "out/back").symlink_to(folder, target_is_directory=True)
    (tmp_path / "out/deep/round").symlink_to(tmp_path / "out", target_is_directory=True)
    (folder / "x").symlink_to(tmp_path / "out", target_is_directory=True)
    (folder / "y.txt").symlink_to(tmp_path / "out/one.txt")
    (folder / "null").symlink_to("/dev/null")
    names = found(folder, follow_links=True)
    assert names.keys() - set(NAMES) == {"x/one.txt", "x/deep/two.txt", "y.txt"}
    assert names["x/deep/two.txt"] == 2
    assert survey(folder, follow_links=True).links_out == ()


def test_folders_that_lead_to_each_other_end(folder: Path, tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        write(tmp_path / "out" / name / "file", name)
        (tmp_path / "out" / name / "other").symlink_to(tmp_path / "out" / other)
    (folder / "a").symlink_to(tmp_path / "out/a")
    (folder / "up").symlink_to(tmp_path, target_is_directory=True)
    names = set(found(folder, follow_links=True))
    assert {"a/file", "a/other/file", "up/out/a/file"} <= names
    assert not any(name.startswith("up/folder/") for name in names)


def test_a_folder_of_nothing_but_links_out_of_it_is_refused_with_the_way_on(
    tmp_path: Path,
) -> None:
    (tmp_path / "x").symlink_to("/etc/passwd")
    with pytest.raises(UnusableFolder, match="--follow-links"):
        survey(tmp_path)


def test_sockets_and_pipes_are_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "link-to-pipe").symlink_to("pipe")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    assert set(found(folder)) == set(NAMES)


def test_a_missing_folder_a_file_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name, told in {
        "missing": "does not exist",
        "file": "is not a folder",
        "empty": "there is nothing to sync",
    }.items():
        with pytest.raises(UnusableFolder, match=told):
            survey(tmp_path / name)


def test_all_files_that_cannot_be_synced_are_named_ten_of_them_in_full(folder: Path) -> None:
    for number in range(12):
        (folder / os.fsdecode(b"bad-\xff-%02d" % number)).touch()
    with pytest.raises(UnusableFolder) as refused:
        survey(folder)
    lines = str(refused.value).splitlines()
    assert lines[0].startswith("12 of the files")
    assert len([line for line in lines if "not valid UTF-8" in line]) == 10
    assert lines[-1].strip() == "and 2 more"
    str(refused.value).encode()  # can be printed


def test_a_file_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a broken open: the superuser may read everything."""
    usual = os.open

    def guarded(path: str, *args: object, **kwargs: object) -> int:
        if path == "a.txt":
            raise PermissionError(13, "Permission denied")
        return usual(path, *args, **kwargs)  # type: ignore[arg-type] # passes on what it got

    monkeypatch.setattr(os, "open", guarded)
    with pytest.raises(UnusableFolder, match=r"a\.txt: Permission denied"):
        survey(folder)


def test_a_path_no_object_can_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path.joinpath(*["d" * 200] * 5, "x" * 30), "x")
    with pytest.raises(UnusableFolder, match="1035 bytes; an object name has at most 1024"):
        survey(tmp_path)


BAD = os.fsdecode(b"bad-\xff.md")


def names(folder: Path, prefix: str = "", **settings: str) -> set[str]:
    return {file.name for file in survey(folder, is_synced=synced_names(settings, prefix)).files}


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
        survey(folder)


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
