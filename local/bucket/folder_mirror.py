"""Mirrors a folder of files into a bucket.

An object's name is its file's path relative to the folder, with slashes. Regular files and links to
them are mirrored. Links to folders are not followed, so that no file is found twice and there are
no loops. Broken links, sockets, pipes and devices are ignored.
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
"""How many files a message names; the others are only counted."""

_CHUNK = 8 * 2**20
_RETRY = DEFAULT_RETRY.with_timeout(20)
_TYPES = mimetypes.MimeTypes()  # Python's own table: the machine's would differ between machines


class UnusableFolder(Exception):
    """The folder can't be mirrored; the message says why, and what to do about it."""


class UnreadableFolder(OSError):
    """A folder inside the folder can't be read."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file and the name of its object. `size` is in bytes."""

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How many objects were uploaded, deleted, and left unchanged."""

    uploaded: int
    deleted: int
    unchanged: int


def find_files(
    folder: Path,
    *,
    longest_part: int = MAX_OBJECT_NAME,
    is_synced: Callable[[str], bool] = lambda _: True,
) -> list[SourceFile]:
    """Find the files of a folder, sorted by name.

    Args:
        folder: The folder to search.
        longest_part: The most bytes that a name may have between two slashes.
        is_synced: Whether a sync would take a name; one that ends with a slash is a folder's. What
            no sync takes is left out if it is unusable.

    Raises:
        UnusableFolder: The folder does not exist, is not a folder, or is empty; or a file to be
            synced can't be read, or its name is not a possible object name.
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
            is_folder = isinstance(size, UnreadableFolder)
            if is_synced(f"{name}/" if is_folder else name):
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
            f"{folder} has no files, so there is nothing to sync. An empty folder is not taken as "
            "a request to delete everything."
        )
    return sorted(files, key=lambda file: file.name)


def mirror(
    files: Iterable[SourceFile],
    bucket: storage.Bucket,
    *,
    after_deletes: Callable[[], None] = lambda: None,
) -> Mirrored:
    """Upload and delete objects until `bucket` holds exactly `files`.

    An object with the same size and MD5 as its file keeps its generation. Deletions come first,
    because a file may have the name of a former folder.

    Raises:
        CouldNotRun: The server refused or failed, or a file disappeared.
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
    """Yield each file with its size, and each path that can't be read with its error."""
    failures: list[OSError] = []
    for parent, _, names in os.walk(folder, onerror=failures.append):
        for path in (Path(parent, name) for name in names):
            try:
                status = path.stat()
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ELOOP):  # a broken link
                    yield path, error
            else:
                if stat.S_ISREG(status.st_mode):
                    yield path, status.st_size
    for failure in failures:
        yield Path(failure.filename), UnreadableFolder(failure.errno, failure.strerror)


def _unreadable(path: Path, size: int | OSError) -> str:
    """Return why a file can't be read, or an empty string."""
    try:
        if isinstance(size, OSError):
            raise size
        path.open("rb").close()
    except OSError as error:
        return error.strerror or "it can't be read"
    return ""


def _unnameable(name: str, longest_part: int) -> str:
    """Return why no object can have this name, or an empty string."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "the name is not valid UTF-8"
    if len(encoded) > MAX_OBJECT_NAME:
        return f"the name has {len(encoded)} bytes; an object name has at most {MAX_OBJECT_NAME}"
    longest = max(map(len, encoded.split(b"/")))
    if longest > longest_part:
        return f"a part of the name has {longest} bytes; with --state the limit is {longest_part}"
    return ""


def _upload_if_changed(
    bucket: storage.Bucket, file: SourceFile, present: storage.Blob | None
) -> bool:
    if present is not None and present.size == file.size and present.md5_hash == _md5(file.path):
        return False
    blob = bucket.blob(file.name, chunk_size=_CHUNK)  # large files are sent in chunks of this size
    content_type = _TYPES.guess_type(file.name)[0] or "application/octet-stream"
    blob.upload_from_filename(str(file.path), content_type=content_type, retry=_RETRY)
    return True


def _md5(path: Path) -> str:
    """Return the MD5 hash in base64, as Cloud Storage reports it."""
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
    return base64.b64encode(digest.digest()).decode()
