"""Whether a file is worth a request: what can be told before any quota is spent.

`preflight` decides by name and size alone. Where the extension is unknown or missing, `sniff`
decides by the first bytes: readable text is imported as plain text, all else is skipped.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.domain.source.media_types import PLAIN_TEXT, is_unsupported, media_type_of
from shared.domain.source.metadata import base_name, is_sidecar
from shared.domain.source.path_glob import PathGlob

MAX_DOCUMENT_SIZE: Final = 104_857_600
"""Bytes. Source: 100 MB per document, File Search documentation; the discovery document of the
Gemini API gives this very number as the maxSize of an upload to a store."""

MAX_SIDECAR_SIZE: Final = 65_536
"""Bytes. Ours: twenty entries take far less, and a sidecar is read into memory whole."""

SNIFF_LENGTH: Final = 4096
"""Bytes of a file's beginning that `sniff` should be given."""

MAX_CONTROL_SHARE: Final = 0.02
"""The share of control characters from which on text counts as binary. Ours."""

_TEXT_CONTROLS = frozenset("\t\n\v\f\r\b\x1b\x85")  # layout, overstriking, terminal colours


class SkipReason(StrEnum):
    """Why a file is not imported."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    BINARY_CONTENT = "binary_content"
    EXCLUDED = "excluded"
    ODD_NAME = "odd_name"
    SIDECAR_WITHOUT_BASE = "sidecar_without_base"


@dataclass(frozen=True, slots=True)
class Accepted:
    """To be imported as this media type."""

    media_type: str


@dataclass(frozen=True, slots=True)
class NeedsSniff:
    """The name does not tell; give the first bytes to `sniff`."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """Not a document but the metadata of one: the file `base`.

    Where there is no such file, it is skipped as SIDECAR_WITHOUT_BASE.
    """

    base: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """Not to be imported."""

    reason: SkipReason


def preflight(
    path: str,
    size: int,
    *,
    max_size: int = MAX_DOCUMENT_SIZE,
    include: Sequence[PathGlob] = (),
    exclude: Sequence[PathGlob] = (),
) -> Accepted | NeedsSniff | Sidecar | Skipped:
    """What to do with a file, judged by its name and size.

    Dot files are files like any other; exclude ``**/.*`` to leave them out. A sidecar shares the
    fate of its base, so the patterns are matched against the base's name.

    Args:
        path: The object's name relative to the prefix.
        size: Bytes.
        max_size: Bytes; a larger document is skipped.
        include: A file must match one of these; none means every file.
        exclude: A file must match none of these; stronger than `include`.
    """
    if is_odd_name(path):
        return Skipped(SkipReason.ODD_NAME)
    base = base_name(path) if is_sidecar(path) else None
    if not _is_selected(base or path, include, exclude):
        return Skipped(SkipReason.EXCLUDED)
    if base is not None:
        return Sidecar(base) if size <= MAX_SIDECAR_SIZE else Skipped(SkipReason.TOO_LARGE)
    reason = _reason_to_skip(path, size, max_size)
    if reason is not None:
        return Skipped(reason)
    media_type = media_type_of(path)
    return NeedsSniff() if media_type is None else Accepted(media_type)


def sniff(head: bytes, *, complete: bool) -> Accepted | Skipped:
    """Whether a file of unknown type is readable text, judged by its first bytes.

    Text is UTF-8, or UTF-16 with a byte order mark, without NUL and with few control characters.
    Other encodings cannot be told from binary data with certainty and count as such.

    Args:
        head: The first bytes, some `SNIFF_LENGTH` of them.
        complete: Whether these are all; if not, the last character may be cut off.
    """
    if not head:
        return Skipped(SkipReason.EMPTY)
    is_utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoder = codecs.getincrementaldecoder("utf-16" if is_utf16 else "utf-8")()
    try:
        text = decoder.decode(head, final=complete)
    except UnicodeDecodeError:
        return Skipped(SkipReason.BINARY_CONTENT)
    controls = sum(
        unicodedata.category(character) == "Cc" and character not in _TEXT_CONTROLS
        for character in text
    )
    if "\0" in text or controls > MAX_CONTROL_SHARE * len(text):
        return Skipped(SkipReason.BINARY_CONTENT)
    return Accepted(PLAIN_TEXT)


def is_odd_name(path: str) -> bool:
    """Whether a name is one that people and tools trip over, and nobody means to search.

    Odd are: names ending with ``/`` (a console's folder placeholders), ``.`` and ``..`` as a
    segment (tools and URLs resolve them), control characters and lone surrogates. Empty segments
    (``a//b.md``) and every other Unicode name are ordinary.
    """
    if not path or path.endswith("/") or any(part in {".", ".."} for part in path.split("/")):
        return True
    return any(unicodedata.category(character) in {"Cc", "Cs"} for character in path)


def _is_selected(path: str, include: Sequence[PathGlob], exclude: Sequence[PathGlob]) -> bool:
    if any(glob.matches(path) for glob in exclude):
        return False
    return not include or any(glob.matches(path) for glob in include)


def _reason_to_skip(path: str, size: int, max_size: int) -> SkipReason | None:
    if size == 0:
        return SkipReason.EMPTY
    if size > max_size:
        return SkipReason.TOO_LARGE
    return SkipReason.UNSUPPORTED_TYPE if is_unsupported(path) else None
