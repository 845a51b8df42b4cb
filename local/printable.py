"""Names of objects and files, shown to people."""

from __future__ import annotations


def printable(name: str) -> str:
    """Return the name with whatever would move a cursor or can't be encoded written as escapes."""
    return name if name.isprintable() else ascii(name)[1:-1]
