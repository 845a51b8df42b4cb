"""Generates a folder of small files to sync."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

_SHELVES = ("physics", "français", "history of art", "日本語", "computing/python")
_KINDS = (".md", ".txt", ".html", ".py")


def write_library(folder: Path, files: int, seed: int) -> dict[str, str]:
    """Write this many files; some have the same content.

    Returns:
        The SHA-256 (hex) of each file's content, by its path below the folder.
    """
    chooser = random.Random(seed)  # noqa: S311 - repeatable, not secret
    hashes = {}
    for number in range(files):
        shelf = _SHELVES[number % len(_SHELVES)]
        path = folder / shelf / f"note {number:04}{chooser.choice(_KINDS)}"
        topic = number if number % 10 else 0
        content = f"# Note on topic {topic}\n\n" + f"Its number is {topic}.\n" * (1 + topic % 200)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        hashes[path.relative_to(folder).as_posix()] = hashlib.sha256(content.encode()).hexdigest()
    return hashes
