"""Names of objects, and prefixes of names: which are possible, and their Unicode forms.

An accented letter has two forms in Unicode: composed (NFC), as most programs write it, and
decomposed (NFD), as macOS may. Names in Cloud Storage are bytes, so these are two names.
"""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

MAX_NAME_BYTES: Final = 1024
"""Bytes of UTF-8, https://cloud.google.com/storage/docs/objects#naming."""

_FORMS: Final[tuple[Literal["NFC", "NFD"], ...]] = ("NFC", "NFD")
_NEVER_IN_A_NAME: Final = {"\0": "a NUL", "\r": "a carriage return", "\n": "a line feed"}


def composed(text: str) -> str:
    """`text` in composed form, in which patterns, templates and keys are compared."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def other_forms(name: str) -> tuple[str, ...]:
    """The composed and the decomposed form of `name`, without `name` itself; mostly none."""
    if name.isascii():
        return ()
    forms = dict.fromkeys(unicodedata.normalize(form, name) for form in _FORMS)
    return tuple(form for form in forms if form != name)


def checked_prefix(prefix: str) -> str:
    """The prefix, if names can begin with it; raises ValueError, which says why not."""
    for character, called in _NEVER_IN_A_NAME.items():
        if character in prefix:
            raise ValueError(f"contains {called}, which no object's name has")
    try:
        length = len(prefix.encode())
    except UnicodeEncodeError:
        raise ValueError("contains a lone surrogate, which UTF-8 can't encode") from None
    if length > MAX_NAME_BYTES:
        raise ValueError(f"has {length} bytes; an object's name has at most {MAX_NAME_BYTES}")
    return prefix
