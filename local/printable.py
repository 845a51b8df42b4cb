"""Makes names of objects and files safe to print."""

from __future__ import annotations


def printable(name: str) -> str:
    """Return the name, with control characters and unencodable characters escaped."""
    return name if name.isprintable() else ascii(name)[1:-1]
