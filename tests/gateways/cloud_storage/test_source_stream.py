from __future__ import annotations

import hashlib
import io
import os

import pytest

from shared.domain.errors import NotFound, SourceChanged, Unavailable
from shared.gateways.cloud_storage.source_stream import SourceStream


class Dribble(io.BytesIO):
    """A source that gives a byte at a time, and fails at its end if it was told how."""

    def __init__(self, content: bytes, failure: Exception | None = None) -> None:
        super().__init__(content)
        self._failure = failure

    def read(self, _size: int | None = -1, /) -> bytes:
        piece = super().read(1)
        if not piece and self._failure:
            raise self._failure
        return piece


def test_the_size_is_measured_as_google_genai_measures_it() -> None:
    stream = SourceStream(io.BytesIO(b"12345"), 5)
    offset = stream.tell()
    stream.seek(0, os.SEEK_END)
    assert stream.tell() - offset == 5
    stream.seek(offset, os.SEEK_SET)
    assert stream.read(100) == b"12345"
    assert stream.read(100) == b""


def test_short_reads_of_the_source_are_filled_up() -> None:
    stream = SourceStream(Dribble(b"12345"), 5)
    assert [stream.read(2), stream.read(2), stream.read(2)] == [b"12", b"34", b"5"]


def test_what_was_read_is_hashed() -> None:
    stream = SourceStream(io.BytesIO(b"12345"), 5)
    while stream.read(2):
        pass
    assert stream.sha256 == hashlib.sha256(b"12345").hexdigest()


def test_a_source_that_ends_early_is_noticed_before_an_empty_read() -> None:
    stream = SourceStream(io.BytesIO(b"123"), 5)
    assert stream.read(2) == b"12"
    with pytest.raises(SourceChanged):
        stream.read(2)


def test_a_source_that_goes_on_is_noticed_before_its_last_chunk_leaves() -> None:
    stream = SourceStream(io.BytesIO(b"123456"), 5)
    assert stream.read(2) == b"12"
    with pytest.raises(SourceChanged):
        stream.read(100)


def test_a_source_declared_empty_must_be_empty() -> None:
    assert SourceStream(io.BytesIO(b""), 0).read(10) == b""
    with pytest.raises(SourceChanged):
        SourceStream(io.BytesIO(b"1"), 0).read(10)


def test_a_source_that_is_gone_has_changed_and_other_faults_are_its_own() -> None:
    with pytest.raises(SourceChanged):
        SourceStream(Dribble(b"12", NotFound("bucket.read", code=404)), 5).read(5)
    with pytest.raises(Unavailable):
        SourceStream(Dribble(b"12", Unavailable("bucket.read", code=503)), 5).read(5)


def test_it_is_read_once_from_front_to_back() -> None:
    stream = SourceStream(io.BytesIO(b"12345"), 5)
    stream.read(2)
    stream.seek(0)
    with pytest.raises(io.UnsupportedOperation):
        stream.read(2)
