"""Whether a file can be imported, decided before any quota is used.

`preflight` decides by name and size. If the extension is unknown or missing, `sniff` decides by the
first bytes: readable text is imported as plain text, anything else is skipped.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from shared.domain.source.content import (
    LOOKED_AT,
    declared_content,
    is_of_signature,
    is_pointer,
)
from shared.domain.source.content_encoding import Packing, largest_packed
from shared.domain.source.ignored_names import rule_against
from shared.domain.source.media_types import (
    PLAIN_TEXT,
    is_unsupported,
    media_type_of,
    picture_type_of,
)
from shared.domain.source.path_glob import PathGlob
from shared.domain.source.picture import picture_type
from shared.domain.source.sidecar_name import MAX_SIDECAR_SIZE, base_name, is_sidecar

MAX_DOCUMENT_SIZE: Final = 104_857_600
"""Bytes. Source: 100 MB per document in the File Search documentation; the discovery document of
the Gemini API has exactly this number as the maxSize of an upload to a store."""

SNIFF_LENGTH: Final = LOOKED_AT
"""Number of first bytes that `sniff` should be given."""

MAX_CONTROL_SHARE: Final = 0.02
"""Text with a larger share of control characters counts as binary. Our own choice."""

_TEXT_CONTROLS = frozenset("\t\n\v\f\r\b\x1b\x85")  # layout, overstriking, terminal colours


RULES: Final = 2
"""Version of the rules about an object's content; raise it when they change, so that verdicts that
were reached by other rules are reached again."""


class SkipReason(StrEnum):
    """Why a file is not imported."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    BINARY_CONTENT = "binary_content"
    EXCLUDED = "excluded"
    IGNORED = "ignored"
    ODD_NAME = "odd_name"
    SIDECAR_WITHOUT_BASE = "sidecar_without_base"
    ENCODED_CONTENT = "encoded_content"
    CONTRADICTS_NAME = "contradicts_name"
    PICTURE_IN_TEXT_STORE = "picture_in_text_store"
    """It is a picture, and the store's embedding model embeds text only."""
    TOO_MANY_PIXELS = "too_many_pixels"
    UNREADABLE = "unreadable"
    """It is listed, but a read of it or of its sidecar is refused. The store keeps what it has."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The file is to be imported as this media type."""

    media_type: str


@dataclass(frozen=True, slots=True)
class NeedsSniff:
    """The name doesn't tell the type; pass the first bytes to `sniff`."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The file is a sidecar: it holds metadata of the file `base`.

    If there is no such file, the caller skips it as SIDECAR_WITHOUT_BASE.
    """

    base: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """The file is not to be imported.

    ``rule`` names the pattern or the built-in rule that leaves it out, as ``ignored_names`` says;
    None if the file itself is the reason.
    """

    reason: SkipReason
    rule: str | None = field(default=None, compare=False)


def preflight(
    path: str,
    size: int,
    *,
    max_size: int = MAX_DOCUMENT_SIZE,
    include: Sequence[PathGlob] = (),
    exclude: Sequence[PathGlob] = (),
    not_ignored: Collection[str] = (),
    packing: Packing = Packing.NONE,
    pictures: bool = False,
) -> Accepted | NeedsSniff | Sidecar | Skipped:
    """Decide what to do with a file, by its name and size.

    Dot files are ordinary files; exclude ``**/.*`` and ``**/.*/**`` to leave them out, with all
    that is in hidden folders. For a sidecar, the rules are those for the name of its base, so both
    are left out together.

    Args:
        path: The object's name relative to the prefix.
        size: The object's size in bytes.
        max_size: Bytes; a larger document is skipped.
        include: A file must match one of these; if empty, every file is included.
        exclude: A file must match none of these; `exclude` wins over `include`.
        not_ignored: The built-in rules of ``ignored_names`` that don't hold.
        packing: How the content is packed. What gzip holds is measured when it is uploaded.
        pictures: Whether the store's embedding model embeds pictures.
    """
    base = base_name(path) if is_sidecar(path) else None
    left_out = rule_against(base or path, include=include, exclude=exclude, not_ignored=not_ignored)
    if left_out is not None:
        reason = SkipReason.EXCLUDED if left_out.by_settings else SkipReason.IGNORED
        return Skipped(reason, left_out.rule)
    if is_odd_name(path):
        return Skipped(SkipReason.ODD_NAME)
    if base is not None:
        fault = _reason_to_ignore(size, packing)
        return Skipped(fault) if fault else Sidecar(base)
    fault = _reason_to_skip(path, size, max_size, packing, pictures=pictures)
    if fault is not None:
        return Skipped(fault)
    media_type = media_type_of(path) or picture_type_of(path)
    return NeedsSniff() if media_type is None else Accepted(media_type)


def sniff(
    head: bytes, *, complete: bool, declared: str = "", pictures: bool = False
) -> Accepted | Skipped:
    """Decide by its first bytes what a file of unknown type is.

    It is a picture if it begins as one. Else it has the declared type if the bytes agree, or else
    is readable text, or is skipped. Text is
    UTF-8, or UTF-16 with a byte order mark, has no NUL and few control characters. Other encodings
    can't be told from binary data with certainty, so they count as binary.

    Args:
        head: The first bytes, about `SNIFF_LENGTH` of them.
        complete: Whether `head` is the whole file; if not, its last character may be cut off.
        declared: The media type that the uploader declared.
        pictures: Whether the store's embedding model embeds pictures.
    """
    if not head:
        return Skipped(SkipReason.EMPTY)
    if picture := picture_type(head):
        return Accepted(picture) if pictures else Skipped(SkipReason.PICTURE_IN_TEXT_STORE)
    if is_pointer(head):
        return Skipped(SkipReason.CONTRADICTS_NAME)
    agreed = declared_content(declared, head)
    if agreed and is_of_signature(agreed):
        return Accepted(agreed)
    if _is_text(head, complete=complete):
        return Accepted(agreed or PLAIN_TEXT)
    return Skipped(SkipReason.BINARY_CONTENT)


def _is_text(head: bytes, *, complete: bool) -> bool:
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoder = codecs.getincrementaldecoder("utf-16" if is_utf16 else "utf-8")()
    try:
        text = decoder.decode(head, final=complete)
    except UnicodeDecodeError:
        return False
    controls = sum(
        unicodedata.category(character) == "Cc" and character not in _TEXT_CONTROLS
        for character in text
    )
    return "\0" not in text and controls <= MAX_CONTROL_SHARE * len(text)


def is_odd_name(path: str) -> bool:
    """Whether a name would confuse people and tools, so that the file is skipped.

    Odd names are empty, end with ``/`` (as a console's placeholders for folders do), have ``.`` or
    ``..`` as a segment (tools and URLs resolve them), or contain control characters or lone
    surrogates. Empty segments (``a//b.md``) and all other Unicode names are ordinary.
    """
    if not path or path.endswith("/") or any(part in {".", ".."} for part in path.split("/")):
        return True
    if path.isprintable():  # so it has no such characters; most names are
        return False
    return any(unicodedata.category(character) in {"Cc", "Cs"} for character in path)


def _reason_to_ignore(size: int, packing: Packing) -> SkipReason | None:
    """Why a sidecar can't be read."""
    if size > MAX_SIDECAR_SIZE:
        return SkipReason.TOO_LARGE
    return SkipReason.ENCODED_CONTENT if packing is Packing.UNKNOWN else None


def _reason_to_skip(
    path: str, size: int, max_size: int, packing: Packing, *, pictures: bool
) -> SkipReason | None:
    if size == 0:
        return SkipReason.EMPTY
    if size > (max_size if packing is Packing.NONE else largest_packed(max_size)):
        return SkipReason.TOO_LARGE
    if is_unsupported(path):
        return SkipReason.UNSUPPORTED_TYPE
    if picture_type_of(path) and not pictures:
        return SkipReason.PICTURE_IN_TEXT_STORE
    return SkipReason.ENCODED_CONTENT if packing is Packing.UNKNOWN else None
