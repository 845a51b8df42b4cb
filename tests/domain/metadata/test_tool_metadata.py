"""Names that copying tools write among an object's own metadata."""

from __future__ import annotations

import pytest

from shared.domain.metadata.tool_metadata import MetadataNames, checked_name

WRITTEN_BY_TOOLS = """
    mtime Mtime MTIME atime ctime btime gcsfuse_mtime gcsfuse_symlink_target s3cmd-attrs S3cmd-Attrs
    goog-reserved-file-mtime goog-reserved-posix-uid file-mtime File-Permissions file-owner uid gid
    mode md5chksum Md5chksum cb-modifiedtime Cb-Modifiedtime s3b-last-modified
    src_last_modified_millis firebaseStorageDownloadTokens
"""


@pytest.mark.parametrize("name", WRITTEN_BY_TOOLS.split())
def test_what_tools_write_is_left_out_in_any_case(name: str) -> None:
    assert MetadataNames().leaves_out(name)


@pytest.mark.parametrize("name", ["title", "mtime2", "my-mtime", "model", "file", "guide", "cb"])
def test_other_names_are_the_users_own(name: str) -> None:
    assert not MetadataNames().leaves_out(name)


def test_names_are_added_and_brought_back_one_by_one_or_by_their_beginning() -> None:
    names = MetadataNames(ignored=("run-id", "backup-*"), kept=("mtime", "goog-reserved-*"))
    assert [names.leaves_out(name) for name in ("Run-ID", "backup-2025", "run-id-2")] == [
        True,
        True,
        False,
    ]
    assert not names.leaves_out("Mtime")
    assert not names.leaves_out("goog-reserved-file-mtime")
    assert names.leaves_out("atime")


def test_a_name_to_keep_wins_and_a_secret_is_never_kept() -> None:
    names = MetadataNames(ignored=("*",), kept=("title", "*Tokens", "firebasestorage*"))
    assert not names.leaves_out("title")
    assert names.leaves_out("anything")
    assert names.leaves_out("firebaseStorageDownloadTokens")


def test_a_star_stands_at_the_end_only() -> None:
    assert checked_name("backup-*") == "backup-*"
    for text in ("*-time", "a*b", "**"):
        with pytest.raises(ValueError, match="end of a name"):
            checked_name(text)
