from __future__ import annotations

import gzip
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.source.content_encoding import (
    Gunzip,
    Packing,
    largest_packed,
    packing_of,
    unpacked_head,
)

NOTHING = ["", " ", "identity", " Identity ", "identity, identity", ",", "none", "8bit", "binary"]
CHARACTER_SETS = ["utf-8", "UTF-8", "iso-8859-1"]
ALONE = ["gzip", "GZIP", " gzip ", "x-gzip", "gzip,", "identity, gzip"]
OTHER = ["br", "zstd", "deflate", "compress", "aws-chunked", "base64", "zlib", "bz2", "xz", "\0"]
LISTS = ["aws-chunked,gzip", "gzip, br", "gzip, gzip"]


@pytest.mark.parametrize("declared", [*NOTHING, *CHARACTER_SETS])
def test_what_encodes_nothing_is_no_packing(declared: str) -> None:
    assert packing_of(declared) is Packing.NONE


@pytest.mark.parametrize("declared", ALONE)
def test_gzip_alone_is_decoded(declared: str) -> None:
    assert packing_of(declared) is Packing.GZIP


@pytest.mark.parametrize("declared", [*OTHER, *LISTS, "unheard of"])
def test_any_other_encoding_is_unknown(declared: str) -> None:
    assert packing_of(declared) is Packing.UNKNOWN


def decoded(packed: bytes, *, block: int, most: int) -> tuple[bytes, bool]:
    """What is decoded if the packed bytes arrive in blocks, and whether they may end there."""
    gunzip, found = Gunzip(), bytearray()
    for start in range(0, len(packed), block):
        gunzip.feed(packed[start : start + block])
        while piece := gunzip.decode(most):
            assert len(piece) <= most
            found += piece
    return bytes(found), gunzip.may_end


@given(
    contents=st.lists(st.binary(max_size=300) | st.just(b"x" * 50_000), min_size=1, max_size=4),
    trailing=st.sampled_from([b"", b"\0", b"\0" * 40, b"garbage"]),
    block=st.integers(1, 70),
    most=st.integers(1, 40_000),
)
def test_members_are_decoded_whatever_the_sizes_of_the_pieces(
    contents: list[bytes], trailing: bytes, block: int, most: int
) -> None:
    packed = b"".join(map(gzip.compress, contents)) + trailing
    assert decoded(packed, block=block, most=most) == (b"".join(contents), True)


@given(st.binary(min_size=1, max_size=300), st.integers(1, 50))
def test_a_part_of_a_member_may_not_be_the_end(content: bytes, missing: int) -> None:
    packed = gzip.compress(content, mtime=0)
    cut = packed[: max(2, len(packed) - missing)]
    assert decoded(cut, block=16, most=100)[1] is False


@pytest.mark.parametrize("position", [2, 12, -8, -1])
def test_a_damaged_member_is_corrupt(position: int) -> None:
    packed = bytearray(gzip.compress(b"hello " * 40, mtime=0))
    packed[position] ^= 0xFF
    with pytest.raises(ValueError, match="Error"):
        decoded(bytes(packed), block=1000, most=1000)


def test_a_bomb_is_decoded_in_pieces_of_the_size_asked_for() -> None:
    gunzip = Gunzip()
    gunzip.feed(gzip.compress(bytes(50_000_000), mtime=0))
    assert len(gunzip.decode(1000)) == 1000


@pytest.mark.parametrize("size", [0, 1, 100, 10_000, 1_000_000])
def test_content_that_cannot_be_compressed_stays_within_the_largest_packed_size(size: int) -> None:
    for level in (0, 1, 9):
        assert len(gzip.compress(os.urandom(size), level, mtime=0)) <= largest_packed(size)


TEXT = b"The quick brown fox. " * 1000


@pytest.mark.parametrize(
    ("head", "complete", "expected"),
    [
        (b"plain", True, (b"plain", True)),
        (b"plain", False, (b"plain", False)),
        (gzip.compress(b"short", mtime=0), True, (b"short", True)),
        (gzip.compress(b"", mtime=0), True, (b"", True)),
        (gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0), True, (b"ab", True)),
        (gzip.compress(TEXT, mtime=0), True, (TEXT[:4096], False)),
        (gzip.compress(TEXT[:4096], mtime=0), True, (TEXT[:4096], False)),
    ],
)
def test_a_packed_head_is_decoded(
    head: bytes, complete: bool, expected: tuple[bytes, bool]
) -> None:
    assert unpacked_head(head, complete=complete, most=4096) == expected


def test_a_head_that_is_cut_off_is_decoded_as_far_as_it_goes() -> None:
    found, complete = unpacked_head(gzip.compress(TEXT, mtime=0)[:100], complete=False, most=4096)
    assert TEXT.startswith(found)
    assert (bool(found), complete) == (True, False)


@pytest.mark.parametrize(
    ("head", "complete"),
    [
        (gzip.compress(b"short", mtime=0)[:-3], True),
        (b"\x1f\x8b", True),
        (b"\x1f\x8bnothing of the kind", False),
        (gzip.compress(b"x", mtime=0)[:10], False),
        (zlib.compress(b"x").replace(b"\x78\x9c", b"\x1f\x8b"), True),
    ],
)
def test_a_head_of_which_nothing_can_be_decoded_is_corrupt(head: bytes, complete: bool) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reason is zlib's own, or ours
        unpacked_head(head, complete=complete, most=4096)
