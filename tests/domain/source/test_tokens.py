from __future__ import annotations

import pytest

from shared.domain.source.content_encoding import Packing
from shared.domain.source.media_types import SUPPORTED
from shared.domain.source.tokens import tokens_of


@pytest.mark.parametrize(
    ("media_type", "size", "tokens"),
    [
        ("text/markdown", 4000, 1000),
        ("text/plain", 1, 1),
        ("application/json", 4000, 1000),
        ("application/pdf", 4000, 200),
        ("application/zip", 4000, 2000),
        ("", 4000, 1000),
        ("text/plain", 0, 0),
    ],
)
def test_tokens_follow_from_bytes_by_media_type(media_type: str, size: int, tokens: int) -> None:
    assert tokens_of(media_type, size) == tokens


def test_every_type_that_hides_its_text_is_one_that_the_service_takes() -> None:
    """A misspelt type would be counted as text, five times too high."""
    hidden = {kind for kind in SUPPORTED if tokens_of(kind, 20_000) != 5_000}
    assert len(hidden) == 11


@pytest.mark.parametrize(
    ("media_type", "tokens"), [("text/markdown", 3000), ("", 3000), ("application/pdf", 200)]
)
def test_packed_text_has_more_tokens_than_its_size_suggests(media_type: str, tokens: int) -> None:
    assert tokens_of(media_type, 4000, Packing.GZIP) == tokens
