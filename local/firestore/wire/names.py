"""Resource names: ``projects/P/databases/D/documents/COLLECTION/ID/...``.

Source: Firestore, "Quotas and limits": constraints on collection and document ids.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from local.firestore.refusals import invalid

MAX_ID_BYTES: Final = 1500
MAX_NAME_BYTES: Final = 6144
MAX_COLLECTIONS: Final = 100
"""The most collections of one name."""

_DATABASE: Final = re.compile(r"projects/[^/]+/databases/[^/]+")
_ROOT: Final = re.compile(rf"({_DATABASE.pattern})/documents(?:/(.+))?", re.DOTALL)
_RESERVED: Final = re.compile(r"__.*__", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Name:
    """A place in a database.

    Attributes:
        database: ``projects/P/databases/D``.
        path: What follows ``documents/``; empty for the database itself.
    """

    database: str
    path: str


def database_name(text: str) -> str:
    """Return ``text`` if it is the name of a database.

    Raises:
        Refused: INVALID_ARGUMENT otherwise.
    """
    if not _DATABASE.fullmatch(text):
        raise invalid(f"{text!r} is not projects/PROJECT/databases/DATABASE.")
    return text


@lru_cache(4096)
def document_name(text: str) -> Name:
    """The parts of a document's name.

    Raises:
        Refused: INVALID_ARGUMENT: it is none.
    """
    name = parent_name(text)
    if not name.path:
        raise invalid(f"{text!r} is not the name of a document.")
    return name


@lru_cache(1024)
def parent_name(text: str) -> Name:
    """The parts of the name of a document, or of the database's root.

    Raises:
        Refused: INVALID_ARGUMENT: it is neither.
    """
    found = _ROOT.fullmatch(text)
    if found is None:
        raise invalid(f"{text!r} is not projects/PROJECT/databases/DATABASE/documents/...")
    database, path = found[1], found[2] or ""
    if path:
        parts = path.split("/")
        if len(parts) % 2:
            raise invalid(f"{text!r} is the name of a collection, not of a document.")
        if len(parts) > 2 * MAX_COLLECTIONS or len(path.encode()) > MAX_NAME_BYTES:
            raise invalid(
                f"A name has at most {MAX_COLLECTIONS} collections and {MAX_NAME_BYTES} bytes."
            )
        for part in parts:
            resource_id(part)
    return Name(database, path)


@lru_cache(4096)
def resource_id(text: str) -> str:
    """Return ``text`` if it can be the id of a collection or document.

    Raises:
        Refused: INVALID_ARGUMENT otherwise.
    """
    if text in ("", ".", "..") or "/" in text or _RESERVED.fullmatch(text):
        raise invalid(f"The resource id {text!r} is invalid.")
    if len(text.encode()) > MAX_ID_BYTES:
        raise invalid(f"A resource id is longer than {MAX_ID_BYTES} bytes.")
    return text
