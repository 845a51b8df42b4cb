from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.source.content import Content, content_of
from shared.domain.source.eligibility import Accepted, Skipped, SkipReason, preflight, sniff
from shared.domain.source.media_types import SUPPORTED
from shared.domain.source.picture import (
    JPEG,
    MAX_SIDE,
    PICTURES,
    PNG,
    has_too_many_pixels,
    picture_type,
    pixels,
    takes_pictures,
)
from shared.domain.source.tokens import tokens_of


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4) + height.to_bytes(4)


def jpeg(width: int, height: int, *before: bytes, frame: int = 0xC0) -> bytes:
    sides = height.to_bytes(2) + width.to_bytes(2)
    return b"\xff\xd8" + b"".join(before) + bytes((0xFF, frame)) + b"\x00\x11\x08" + sides + b"\x03"


def segment(marker: int, length: int) -> bytes:
    return bytes((0xFF, marker)) + (length + 2).to_bytes(2) + b"\xff" * length


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("", False),
        ("models/gemini-embedding-001", False),
        ("models/gemini-embedding-2", True),
        ("gemini-embedding-2", True),
        ("models/gemini-embedding-20", False),
    ],
)
def test_whether_a_store_takes_pictures_follows_from_its_embedding_model(
    model: str, *, takes: bool
) -> None:
    assert takes_pictures(model) is takes


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.png", PNG), ("b/A.JPG", JPEG), ("c.jpeg", JPEG), ("c.jpe", JPEG), ("c.jfif", JPEG)],
)
def test_a_picture_is_imported_into_a_store_that_takes_it_and_skipped_for_any_other(
    name: str, media_type: str
) -> None:
    assert preflight(name, 10, pictures=True) == Accepted(media_type)
    assert preflight(name, 10) == Skipped(SkipReason.PICTURE_IN_TEXT_STORE)
    assert preflight(name, 0, pictures=True) == Skipped(SkipReason.EMPTY)


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.heic", "a.svg", "a.mp3", "a.mp4"])
def test_other_pictures_sound_and_video_stay_out(name: str) -> None:
    assert preflight(name, 10, pictures=True) == Skipped(SkipReason.UNSUPPORTED_TYPE)


def test_a_picture_without_an_extension_is_told_by_its_bytes() -> None:
    assert sniff(png(1, 1), complete=False, pictures=True) == Accepted(PNG)
    assert sniff(jpeg(1, 1), complete=False, pictures=True, declared="text/x-c") == Accepted(JPEG)
    assert sniff(png(1, 1), complete=False) == Skipped(SkipReason.PICTURE_IN_TEXT_STORE)
    assert sniff(b"GIF89a\0", complete=True, pictures=True) == Skipped(SkipReason.BINARY_CONTENT)


def test_a_picture_is_sent_as_what_it_is() -> None:
    assert content_of(JPEG, png(1, 1)) == Content(PNG)
    assert content_of(PNG, png(1, 1)) == Content(PNG)
    assert content_of(PNG, b"<html>not found</html>") is None
    assert content_of(JPEG, b"") is None


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (png(640, 480), (640, 480)),
        (png(640, 480)[:20], None),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 40, None),
        (jpeg(640, 480), (640, 480)),
        (jpeg(640, 480, frame=0xC2), (640, 480)),
        (jpeg(640, 480, segment(0xE1, 60_000), segment(0xE2, 60_000)), (640, 480)),
        (jpeg(640, 480, segment(0xC4, 30), b"\xff\xff"), (640, 480)),
        (jpeg(640, 480, segment(0xDA, 4)), None),
        (jpeg(640, 480)[:8], None),
        (b"\xff\xd8\xff\xe0\0\0" + b"x" * 20, None),
        (b"text", None),
    ],
)
def test_width_and_height_are_read_from_the_first_bytes(
    head: bytes, size: tuple[int, int] | None
) -> None:
    assert pixels(head) == size


@pytest.mark.parametrize(
    ("head", "too_many"),
    [
        (png(MAX_SIDE, MAX_SIDE), False),
        (png(MAX_SIDE + 1, 1), True),
        (jpeg(1, MAX_SIDE + 1), True),
        (jpeg(640, 480)[:8], False),
    ],
)
def test_a_side_has_at_most_4096_pixels(head: bytes, *, too_many: bool) -> None:
    assert has_too_many_pixels(head) is too_many


@given(st.binary() | st.binary().map(lambda rest: b"\xff\xd8\xff" + rest))
def test_any_bytes_are_looked_at_without_an_error(head: bytes) -> None:
    size = pixels(head)
    assert size is None or picture_type(head) is not None


def test_a_picture_costs_the_same_whatever_its_size() -> None:
    assert {tokens_of(PNG, size, picture=581) for size in (1, 10_000_000)} == {581}
    assert PICTURES.isdisjoint(SUPPORTED)
