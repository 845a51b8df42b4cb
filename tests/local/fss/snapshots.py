"""Texts that are kept as files: what a person sees must not change unseen.

With ``KEEP_TEXTS=1`` in the environment a test writes what it finds; look at the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "texts"


def same_as_kept(name: str, text: str) -> None:
    """Compare a text with the file of that name."""
    path = FOLDER / name
    if os.environ.get("KEEP_TEXTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"{name}: see {__file__}"
