"""Estimates how many tokens of a file will be embedded.

The service does not tell this in advance. The estimate is made from the file's bytes by media type,
and is rather too high for formatted types, since guards depend on it. docs/limits.md says how far
off it may be.
"""

from __future__ import annotations

from math import ceil
from types import MappingProxyType
from typing import Final

from shared.domain.source.content_encoding import Packing
from shared.domain.source.picture import PICTURES

BYTES_PER_TOKEN: Final = 4
"""For text: about four characters per token, https://ai.google.dev/gemini-api/docs/tokens ."""

DOCUMENT_BYTES_PER_TOKEN: Final = 20
"""For formatted documents; an assumption. Counts for legal discovery find 64,782 pages of Word in a
gigabyte, and 677,963 pages of text (https://cloudnine.com/?p=174 ). So Word takes ten times the
bytes, about 42 per token. Half of that allows for today's denser formats and PDF without pictures.
"""

PACKED_BYTES_PER_TOKEN: Final = 2
"""For workbooks and archives; an assumption, since their text and numbers are compressed."""

_DOCUMENTS = """
    application/pdf application/msword application/vnd.oasis.opendocument.text
    application/vnd.openxmlformats-officedocument.presentationml.presentation
    application/vnd.openxmlformats-officedocument.wordprocessingml.document
    application/vnd.openxmlformats-officedocument.wordprocessingml.template
    application/x-hwp application/x-hwp-v5
"""
_PACKED = """
    application/vnd.ms-excel application/zip
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet
"""
_BYTES_PER_TOKEN_OF = MappingProxyType(
    dict.fromkeys(_DOCUMENTS.split(), DOCUMENT_BYTES_PER_TOKEN)
    | dict.fromkeys(_PACKED.split(), PACKED_BYTES_PER_TOKEN)
)


GZIP_RATIO: Final = 3
"""Bytes of text per byte of its gzip form; an assumption, since prose and markup vary from two to
five. Formatted documents are compressed already."""


def tokens_of(
    media_type: str, size: int, packing: Packing = Packing.NONE, *, picture: int = 0
) -> int:
    """Estimated number of tokens to embed for a file of this type and size in stored bytes.

    ``picture`` is the number for a picture of any size: as many tokens of text as cost the same.
    """
    if media_type in PICTURES:
        return picture
    bytes_per_token = _BYTES_PER_TOKEN_OF.get(media_type)
    if bytes_per_token is None:
        unpacked = size if packing is Packing.NONE else size * GZIP_RATIO
        return ceil(unpacked / BYTES_PER_TOKEN)
    return ceil(size / bytes_per_token)
