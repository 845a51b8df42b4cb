"""What an upload sends of an object, judged before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO

from shared.domain.errors import NotFound, SourceChanged, SyncError, Unreadable
from shared.domain.source.content import LOOKED_AT, content_of
from shared.domain.source.eligibility import SkipReason
from shared.domain.source.metadata import sidecar_name
from shared.services.source.stream import as_utf8, blocks, stream
from shared.services.worker.delivery import Delivery


class Unfit(SyncError):
    """The content can't be imported; ``reason`` says why. Nothing of it was sent."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Source:
    """The content to send, its length in bytes, and the media type to send it as."""

    content: IO[bytes]
    size: int
    media_type: str


class SourceContent:
    """Opens the content of a delivery's file."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery

    @contextmanager
    def open(self) -> Iterator[Source]:
        """The content of the generation that was planned.

        Raises:
            SourceChanged: that generation is gone, or no scan has seen the object yet.
            Unfit: a read of the object or of its sidecar is refused, or its bytes are of another
                kind than its name says.
            GatewayError: the bucket can't be read.
        """
        desired, path = self._delivery.desired, self._delivery.record.path
        if desired.generation is None:
            raise SourceChanged(f"no scan has seen {path!r} yet")
        if desired.sidecar_generation is not None:
            # The import reads it. Its refusal must not cost the upload.
            self._opened(sidecar_name(path), desired.sidecar_generation).close()
        with self._opened(path, desired.generation) as content:
            head = _read(content, LOOKED_AT)
            found = content_of(desired.media_type or "", head)
            if found is None:
                raise Unfit(SkipReason.CONTRADICTS_NAME)
            if found.encoding is None:
                whole = stream(chain([head], blocks(content)))
                yield Source(whole, desired.size, found.media_type)
                return
            size = self._measured(chain([head], blocks(content)), found.encoding)
        with self._opened(path, desired.generation) as content:
            yield Source(stream(as_utf8(blocks(content), found.encoding)), size, found.media_type)

    def _measured(self, content: Iterator[bytes], encoding: str) -> int:
        """The length of the content in UTF-8, in bytes. Raises as ``open`` does."""
        most = self._delivery.context.rules.settings.max_file_bytes
        size = 0
        try:
            for piece in as_utf8(content, encoding):
                size += len(piece)
                if size > most:
                    raise Unfit(SkipReason.TOO_LARGE)
        except UnicodeDecodeError as error:
            raise Unfit(SkipReason.CONTRADICTS_NAME) from error
        except NotFound as error:
            raise SourceChanged("the source is gone") from error
        return size

    def _opened(self, name: str, generation: int) -> IO[bytes]:
        try:
            return self._delivery.context.bucket.open(name, generation)
        except NotFound as error:
            raise SourceChanged(f"{name!r} was replaced or removed") from error
        except Unreadable as error:
            raise Unfit(SkipReason.UNREADABLE) from error


def _read(content: IO[bytes], length: int) -> bytes:
    try:
        return content.read(length)
    except NotFound as error:
        raise SourceChanged("the source is gone") from error
