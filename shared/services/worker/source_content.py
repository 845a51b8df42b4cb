"""What an upload sends of an object, judged before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import IO

from shared.domain.errors import NotFound, NotIndexable, SourceChanged, Unreadable
from shared.domain.source.content import content_of, looked_at
from shared.domain.source.eligibility import SkipReason
from shared.domain.source.picture import PICTURES, has_too_many_pixels
from shared.services.source.content import decoded, measured
from shared.services.source.sidecars import planned_sidecar
from shared.services.source.stream import as_utf8, blocks, stream
from shared.services.worker.delivery import Delivery


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
            NotIndexable: a read of the object or of its sidecar is refused, its bytes are of
                another kind than its name says, it has too many pixels, or what the bytes decode to
                is empty or too large.
            GatewayError: the bucket can't be read.
        """
        desired, path = self._delivery.desired, self._delivery.record.path
        if desired.generation is None:
            raise SourceChanged(f"no scan has seen {path!r} yet")
        if desired.sidecar_generation is not None:
            # The import reads it. Its refusal must not cost the upload.
            name = planned_sidecar(self._delivery.context, path)
            self._opened(name, desired.sidecar_generation).close()
        with self._decoded() as content:
            media_type = desired.media_type or ""
            head = _read(content, looked_at(media_type))
            found = content_of(media_type, head)
            if found is None:
                raise NotIndexable(SkipReason.CONTRADICTS_NAME)
            if found.media_type in PICTURES and has_too_many_pixels(head):
                raise NotIndexable(SkipReason.TOO_MANY_PIXELS)
            as_sent = _converted(chain([head], blocks(content)), found.encoding)
            if found.encoding is None and not desired.content_encoding:
                yield Source(as_sent, desired.size, found.media_type)
                return
            size = self._measured(as_sent)
        with self._decoded() as content:
            yield Source(_converted(blocks(content), found.encoding), size, found.media_type)

    def _measured(self, content: IO[bytes]) -> int:
        """The length of what is sent, in bytes. Raises as ``open`` does."""
        try:
            return measured(content, self._delivery.context.rules.settings.max_file_bytes).size
        except UnicodeDecodeError as error:
            raise NotIndexable(SkipReason.CONTRADICTS_NAME) from error
        except NotFound as error:
            raise SourceChanged("the source is gone") from error

    def _decoded(self) -> IO[bytes]:
        desired = self._delivery.desired
        stored = self._opened(self._delivery.record.path, desired.generation or 0)
        return decoded(stored, desired.content_encoding)

    def _opened(self, name: str, generation: int) -> IO[bytes]:
        try:
            return self._delivery.context.bucket.open(name, generation)
        except NotFound as error:
            raise SourceChanged(f"{name!r} was replaced or removed") from error
        except Unreadable as error:
            raise NotIndexable(SkipReason.UNREADABLE) from error


def _converted(content: Iterable[bytes], encoding: str | None) -> IO[bytes]:
    return stream(content if encoding is None else as_utf8(content, encoding))


def _read(content: IO[bytes], length: int) -> bytes:
    try:
        return content.read(length)
    except NotFound as error:
        raise SourceChanged("the source is gone") from error
