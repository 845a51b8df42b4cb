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
    """The other Unicode forms of `name`; mostly none.

    The composed and the decomposed form come first. Then come those of the folders combined with
    those of the last part, since a folder and its files may be named by different programs.
    """
    if name.isascii():
        return ()
    folders, slash, last = name.rpartition("/")
    mixed = (f"{each}{slash}{end}" for each in _forms(folders) for end in _forms(last))
    forms = dict.fromkeys((*_forms(name), *mixed))
    return tuple(form for form in forms if form != name)


def _forms(text: str) -> tuple[str, ...]:
    return (*(unicodedata.normalize(form, text) for form in _FORMS), text)


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
