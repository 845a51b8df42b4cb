"""A folder of files, mirrored into a bucket.

An object is called as its file is below the folder, with slashes. Files are regular files and
links to such; links to folders are not followed, so no file counts twice and no loop is entered;
links to nothing, sockets, pipes and devices are left out.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import mimetypes
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from google.api_core.exceptions import GoogleAPIError
from google.cloud.storage.retry import DEFAULT_RETRY

from local.printable import printable
from local.processes.children import CouldNotRun

if TYPE_CHECKING:
    from google.cloud import storage

PARALLEL = 8
"""Objects written or hashed at the same time."""

MAX_OBJECT_NAME = 1024
"""Bytes of UTF-8, https://cloud.google.com/storage/docs/objects#naming."""

SHOWN = 10
"""Files that a message names; the rest is a number."""

_CHUNK = 8 * 2**20
_RETRY = DEFAULT_RETRY.with_timeout(20)
_TYPES = mimetypes.MimeTypes()  # its own table only: the machine's would make machines differ


class UnusableFolder(Exception):
    """The folder can't be mirrored; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file and the name of its object. `size` is in bytes."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How many objects a mirroring wrote, deleted and left alone."""

    uploaded: int
    deleted: int
    unchanged: int


def survey(folder: Path, *, longest_part: int = MAX_OBJECT_NAME) -> list[SourceFile]:
    """Find the files of a folder, sorted by name.

    Args:
        folder: Where to look.
        longest_part: The bytes that a name may have between two slashes.

    Raises:
        UnusableFolder: It is missing, no folder, or empty; or some of it can't be read or named.
    """
    if not folder.exists():
        raise UnusableFolder(f"{folder} does not exist")
    if not folder.is_dir():
        raise UnusableFolder(f"{folder} is not a folder")
    files: list[SourceFile] = []
    problems: list[str] = []
    for path, size in _walk(folder):
        name = path.relative_to(folder).as_posix()
        if problem := _unreadable(path, size) or _unnameable(name, longest_part):
            problems.append(f"{printable(name)}: {problem}")
        elif isinstance(size, int):
            files.append(SourceFile(name, path, size))
    if problems:
        more = len(problems) - SHOWN
        listed = "\n  ".join(problems[:SHOWN] + ([f"and {more} more"] if more > 0 else []))
        raise UnusableFolder(
            f"{len(problems)} of the files in {folder} can't be synced. Rename them, make them "
            f"readable, or move them out of the folder:\n  {listed}"
        )
    if not files:
        raise UnusableFolder(
            f"{folder} has no files: there is nothing to sync. An empty folder is not taken to "
            "mean that everything is to be deleted."
        )
    return sorted(files, key=lambda file: file.name)


def mirror(
    files: Iterable[SourceFile],
    bucket: storage.Bucket,
    *,
    after_deletes: Callable[[], None] = lambda: None,
) -> Mirrored:
    """Make the objects of `bucket` the same as `files`.

    What has the same size and MD5 is left alone, with its generation. Deletes come first, since a
    file may have taken the name of a former folder.

    Raises:
        CouldNotRun: The server refused or failed, or a file vanished meanwhile.
    """
    wanted = {file.name: file for file in files}
    try:
        present = {blob.name: blob for blob in bucket.list_blobs(retry=_RETRY)}
        gone = [blob for name, blob in present.items() if name not in wanted]
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda blob: blob.delete(retry=_RETRY), gone))
            after_deletes()
            uploads = pool.map(
                lambda file: _upload_if_changed(bucket, file, present.get(file.name)),
                wanted.values(),
            )
            uploaded = sum(uploads)
    except (GoogleAPIError, OSError) as error:
        raise CouldNotRun(f"the folder could not be copied into the bucket: {error}") from error
    return Mirrored(uploaded, len(gone), len(wanted) - uploaded)


def _walk(folder: Path) -> Iterator[tuple[Path, int | OSError]]:
    """Yield each file with its size, and whatever can't be looked at with the reason."""
    failures: list[OSError] = []
    for parent, _, names in os.walk(folder, onerror=failures.append):
        for path in (Path(parent, name) for name in names):
            try:
                status = path.stat()
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ELOOP):  # a link to nothing
                    yield path, error
            else:
                if stat.S_ISREG(status.st_mode):
                    yield path, status.st_size
    for failure in failures:
        yield Path(failure.filename), failure


def _unreadable(path: Path, size: int | OSError) -> str:
    """Return why a file can't be read, or an empty text."""
    try:
        if isinstance(size, OSError):
            raise size
        path.open("rb").close()
    except OSError as error:
        return error.strerror or "it can't be read"
    return ""


def _unnameable(name: str, longest_part: int) -> str:
    """Return why no object can have this name, or an empty text."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "the name is not valid UTF-8"
    if len(encoded) > MAX_OBJECT_NAME:
        return f"the name has {len(encoded)} bytes; an object's has at most {MAX_OBJECT_NAME}"
    longest = max(map(len, encoded.split(b"/")))
    if longest > longest_part:
        return f"a part of the name has {longest} bytes; --state can keep at most {longest_part}"
    return ""


def _upload_if_changed(
    bucket: storage.Bucket, file: SourceFile, present: storage.Blob | None
) -> bool:
    if present is not None and present.size == file.size and present.md5_hash == _md5(file.path):
        return False
    blob = bucket.blob(file.name, chunk_size=_CHUNK)  # large files go in pieces of this size
    content_type = _TYPES.guess_type(file.name)[0] or "application/octet-stream"
    blob.upload_from_filename(str(file.path), content_type=content_type, retry=_RETRY)
    return True


def _md5(path: Path) -> str:
    """Return the hash as Cloud Storage writes it."""
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
    return base64.b64encode(digest.digest()).decode()
