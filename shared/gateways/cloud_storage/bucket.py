"""The bucket over Cloud Storage."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import IO, TYPE_CHECKING

from google.api_core.exceptions import RequestRangeNotSatisfiable
from google.cloud.storage.retry import DEFAULT_RETRY

from shared.domain.errors import BadRequest, Forbidden, NotFound, PayerMissing, Unreadable
from shared.domain.source.content_hash import Hashes
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.call_deadline import in_this_context, total_deadline
from shared.gateways.cloud_storage.bounded_session import bound
from shared.gateways.google_errors import google_errors
from shared.gateways.ports import Head

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Client
    from typing_extensions import Buffer

CHUNK_BYTES = 4 * 1024 * 1024
"""Bytes per read: half of what google-genai sends at once, since several copies are in memory."""
BUFFER_BYTES = 1 << 16
"""Bytes that a stream's small reads share."""
PAGE_SIZE = 1000
"""Most objects that Cloud Storage lists in a page."""
PARALLEL_READS = 8
"""Most reads at once; fewer than the ten connections that the requests library pools per host."""
REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""Answers to the read of a listed object that are about this object alone."""

_LISTED = (
    "items(name,size,generation,metageneration,md5Hash,crc32c,contentType,contentEncoding,updated,"
    "metadata),nextPageToken"
)


class CloudStorage:
    """``Bucket`` over Cloud Storage. Safe to use from several threads.

    Bytes are read as they are stored, without decompression, since the size and the hash of an
    object are those of the stored bytes.

    Args:
        client: A client of the service; ``close`` closes it.
        bucket_name: Name of the bucket.
        user_project: The project that pays for the requests; None for the bucket's own.
        timeout: Timeout of each listing and of each read of a range, with their repetitions.
        retry_for: How long reads are repeated after a failure that may pass. Not zero by default,
            since a read that fails during an upload wastes a metered request.
    """

    def __init__(
        self,
        client: Client,
        bucket_name: str,
        *,
        user_project: str | None = None,
        timeout: timedelta = timedelta(seconds=30),
        retry_for: timedelta = timedelta(seconds=10),
    ) -> None:
        self._client = client
        self._bucket = client.bucket(bucket_name, user_project=user_project)
        self._timeout = timeout
        for session in (client._http, getattr(client._http, "_auth_request_session", None)):  # noqa: SLF001 - as Google's own advice does
            if session is not None:
                bound(session)
        self._retry = DEFAULT_RETRY.with_timeout(retry_for.total_seconds()) if retry_for else None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def list_objects(
        self, *, prefix: str, start: str = "", end: str = "", limit: int
    ) -> list[ObjectInfo]:
        """At most ``limit`` live objects with ``prefix`` and start <= name < end, by name."""
        with google_errors("bucket.list_objects"), total_deadline(self._timeout):
            blobs = self._client.list_blobs(
                self._bucket,
                prefix=prefix or None,
                start_offset=start or None,
                end_offset=end or None,
                max_results=limit,
                page_size=min(limit, PAGE_SIZE),
                fields=_LISTED,
                timeout=self._timeout.total_seconds(),
                retry=self._retry,
            )
            return [_info(blob) for blob in blobs]

    def stat(self, name: str) -> ObjectInfo | None:
        """The live object of this name; None if there is none.

        Uses a listing, in which ``name`` is the first of all names that start with it. A get would
        answer 404 for a missing bucket too, which must not be taken for a deleted object.
        """
        found = self.list_objects(prefix=name, start=name, limit=1)
        return found[0] if found and found[0].name == name else None

    def stat_each(self, names: Sequence[str]) -> dict[str, ObjectInfo]:
        """The live objects of these names, by name, without those that don't exist."""
        if not names:
            return {}
        with ThreadPoolExecutor(min(PARALLEL_READS, len(names))) as pool:
            found = pool.map(in_this_context(self.stat), names)
            return {info.name: info for info in found if info is not None}

    def read_heads(self, objects: Sequence[ObjectInfo], length: int) -> dict[str, Head]:
        """The first ``length`` bytes of each object, by name.

        None if its generation is gone, and ``Unreadable`` if its read is refused.
        """
        if not objects:
            return {}
        with ThreadPoolExecutor(min(PARALLEL_READS, len(objects))) as pool:
            heads = pool.map(in_this_context(lambda info: self._head(info, length)), objects)
            return {info.name: head for info, head in zip(objects, heads, strict=True)}

    def open(self, name: str, generation: int) -> IO[bytes]:
        """A stream of exactly this generation, with twice ``CHUNK_BYTES`` in memory at most.

        Raises:
            NotFound: The generation is gone; later reads of the stream may raise this too.
            Unreadable: A read of this object is refused; likewise.
        """
        stream = io.BufferedReader(_Generation(self, name, generation), BUFFER_BYTES)
        stream.peek(1)
        return stream

    def read(self, name: str, generation: int, offset: int, length: int) -> bytes:
        """At most ``length`` bytes from ``offset`` on; fewer only at the end."""
        blob = self._bucket.blob(name, generation=generation)
        with _refusals(), google_errors("bucket.read"), total_deadline(self._timeout):
            try:
                return bytes(
                    blob.download_as_bytes(
                        start=offset,
                        end=offset + length - 1,
                        raw_download=True,
                        checksum=None,  # the checksum is of the whole object
                        timeout=self._timeout.total_seconds(),
                        retry=self._retry,
                    )
                )
            except RequestRangeNotSatisfiable:
                return b""

    def _head(self, info: ObjectInfo, length: int) -> Head:
        try:
            return self.read(info.name, info.generation, 0, length)
        except NotFound:
            return None
        except Unreadable as refused:
            return refused


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn a refused read into ``Unreadable``: the object is listed, so the bucket itself answers.

    401 and 403: an ACL or a condition of IAM. 400: the object is encrypted with a key that the
    reader must supply, or with one that is disabled.
    """
    try:
        yield
    except (BadRequest, Forbidden) as error:
        if error.code not in REFUSALS or isinstance(error, PayerMissing):
            raise
        raise Unreadable(
            error.call, code=error.code, status=error.status, detail=error.detail
        ) from error


class _Generation(io.RawIOBase):
    """Reads one generation of an object by ranges of ``CHUNK_BYTES``.

    From the third on, a range is read while the one before it is used: who has read so far reads
    to the end, and mostly waits for something else, such as an upload.
    """

    def __init__(self, bucket: CloudStorage, name: str, generation: int) -> None:
        super().__init__()
        self._bucket = bucket
        self._name = name
        self._generation = generation
        self._piece = memoryview(b"")
        self._end = 0  # of the piece
        self._is_last = False
        self._ahead: Future[bytes] | None = None
        self._thread: ThreadPoolExecutor | None = None

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if self._thread:
            self._thread.shutdown(wait=False, cancel_futures=True)
        super().close()

    def readinto(self, buffer: Buffer, /) -> int:
        target = memoryview(buffer).cast("B")
        if not self._piece and not self._is_last:
            self._go_on()
        taken = self._piece[: len(target)]
        target[: len(taken)] = taken
        self._piece = self._piece[len(taken) :]
        return len(taken)

    def _go_on(self) -> None:
        """Take the next range, and let the one after it be read."""
        is_first = self._end == 0
        self._piece = memoryview(b"")  # not in memory while the next one is read
        ahead, self._ahead = self._ahead, None
        piece = ahead.result() if ahead else self._read(self._end)
        self._piece = memoryview(piece)
        self._end += len(piece)
        self._is_last = len(piece) < CHUNK_BYTES
        if not is_first and not self._is_last:
            self._thread = self._thread or ThreadPoolExecutor(1)
            self._ahead = self._thread.submit(in_this_context(self._read), self._end)

    def _read(self, offset: int) -> bytes:
        return self._bucket.read(self._name, self._generation, offset, CHUNK_BYTES)


def _info(blob: Blob) -> ObjectInfo:
    generation = int(blob.generation or 0)
    hashes = Hashes(md5=_hex(blob.md5_hash), crc32c=_hex(blob.crc32c))
    return ObjectInfo(
        name=blob.name,
        size=int(blob.size or 0),
        generation=generation,
        metageneration=int(blob.metageneration or 0),
        content_hash=hashes.content_hash(generation),
        content_type=blob.content_type or "",
        updated=blob.updated,
        metadata=dict(blob.metadata or {}),
        content_encoding=blob.content_encoding or "",
        hashes=hashes,
    )


def _hex(encoded: str | None) -> str:
    return base64.b64decode(encoded or "").hex()
