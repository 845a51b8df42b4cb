"""How many tokens a file is likely to be embedded as, before it is sent.

The service does not tell. So tokens are estimated from bytes by media type, on the high side where
the type hides its text, since guards rest on it: docs/limits.md tells how far off it may be.
"""

from __future__ import annotations

from math import ceil
from types import MappingProxyType
from typing import Final

BYTES_PER_TOKEN: Final = 4
"""Of text: about four characters a token, https://ai.google.dev/gemini-api/docs/tokens ."""

DOCUMENT_BYTES_PER_TOKEN: Final = 20
"""Of formatted documents, an assumption. As counted for legal discovery, a gigabyte holds 64,782
pages of Word and 677,963 of text (https://cloudnine.com/?p=174 ): ten times the bytes, which makes
42. Half of that, for the denser formats of today and for PDF without pictures."""

PACKED_BYTES_PER_TOKEN: Final = 2
"""Of workbooks and archives, an assumption: text and numbers in them are compressed."""

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


def tokens_of(media_type: str, size: int) -> int:
    """How many tokens a file of that type and size, in bytes, is likely to be embedded as."""
    return ceil(size / _BYTES_PER_TOKEN_OF.get(media_type, BYTES_PER_TOKEN))
