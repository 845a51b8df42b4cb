"""Ranges are read ahead only for those who read on."""

from __future__ import annotations

import pytest

from shared.domain.errors import NotFound
from shared.gateways.cloud_storage.bucket import CHUNK_BYTES, CloudStorage

CONTENT = bytes(3 * CHUNK_BYTES) + b"end"


class Counted(CloudStorage):
    """A bucket of one object, whose reads are counted."""

    def __init__(self, gone_from: int = len(CONTENT) + 1) -> None:
        self.offsets: list[int] = []
        self._gone_from = gone_from

    def read(self, name: str, generation: int, offset: int, length: int) -> bytes:
        """Note the offset."""
        self.offsets.append(offset)
        if offset >= self._gone_from:
            raise NotFound(f"{name}#{generation}")
        return CONTENT[offset : offset + length]


@pytest.mark.parametrize("used", [0, 10, CHUNK_BYTES])
def test_who_reads_the_beginning_costs_one_read(used: int) -> None:
    bucket = Counted()
    with bucket.open("a", 1) as stream:
        assert len(stream.read(used)) == used
    assert bucket.offsets == [0]


def test_who_reads_on_gets_every_byte_and_no_range_is_read_twice() -> None:
    bucket = Counted()
    with bucket.open("a", 1) as stream:
        assert stream.read() == CONTENT
    assert bucket.offsets == [0, CHUNK_BYTES, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES]


def test_an_error_of_a_range_read_ahead_is_told_when_the_range_is_needed() -> None:
    bucket = Counted(gone_from=2 * CHUNK_BYTES)
    with bucket.open("a", 1) as stream:
        assert len(stream.read(2 * CHUNK_BYTES)) == 2 * CHUNK_BYTES
        with pytest.raises(NotFound):
            stream.read(1)
