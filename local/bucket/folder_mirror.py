"""Mirrors the files of a folder into a bucket."""

from __future__ import annotations

import base64
import hashlib
import io
import mimetypes
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.bucket.folder_survey import SourceFile
from local.bucket.regular_file import RegularFile
from local.processes.children import CouldNotRun

if TYPE_CHECKING:
    from google.api_core.retry import Retry
    from google.cloud import storage

PARALLEL = 8
"""Objects written or hashed at the same time."""

_CHUNK = 8 * 2**20
_TYPES = mimetypes.MimeTypes()  # Python's own table: the machine's would differ between machines


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How many objects were uploaded, deleted, and left unchanged."""

    uploaded: int
    deleted: int
    unchanged: int


def mirror(files: Iterable[SourceFile], bucket: storage.Bucket) -> Mirrored:
    """Upload and delete objects until `bucket` holds exactly `files`.

    An object with the same size and MD5 as its file keeps its generation. A file that grows
    meanwhile is copied as it was when it was opened.

    Raises:
        CouldNotRun: The server refused or failed, or a file has disappeared, become shorter, or
            been replaced by something else.
    """
    from google.api_core.exceptions import GoogleAPIError  # noqa: PLC0415 - takes long
    from google.cloud.storage.retry import DEFAULT_RETRY  # noqa: PLC0415 - as above

    retry = DEFAULT_RETRY.with_timeout(20)
    wanted = {file.name: file for file in files}
    try:
        present = {blob.name: blob for blob in bucket.list_blobs(retry=retry)}
        gone = [blob for name, blob in present.items() if name not in wanted]
        with ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda blob: blob.delete(retry=retry), gone))
            uploads = pool.map(
                lambda file: _upload_if_changed(bucket, file, present.get(file.name), retry),
                wanted.values(),
            )
            uploaded = sum(uploads)
    except (GoogleAPIError, OSError) as error:
        raise CouldNotRun(f"the folder could not be copied into the bucket: {error}") from error
    return Mirrored(uploaded, len(gone), len(wanted) - uploaded)


def _upload_if_changed(
    bucket: storage.Bucket, file: SourceFile, present: storage.Blob | None, retry: Retry
) -> bool:
    with RegularFile(file.path) as content:
        if present is not None and present.size == content.size:
            if present.md5_hash == _md5(content):
                return False
            content.seek(0)
        blob = bucket.blob(file.name, chunk_size=_CHUNK)  # large files are sent in such chunks
        blob.upload_from_file(
            io.BufferedReader(content),
            size=content.size,
            content_type=_TYPES.guess_type(file.name)[0] or "application/octet-stream",
            retry=retry,
        )
    return True


def _md5(content: RegularFile) -> str:
    """Return the MD5 hash in base64, as Cloud Storage reports it."""
    digest = hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False))
    return base64.b64encode(digest.digest()).decode()
