"""Tells which code this is: functions of one deployment must have the same."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).parent
_CODE = frozenset({".json", ".py"})


@cache
def code_digest() -> str:
    """A digest of all modules and tables of ``shared``, which every function carries."""
    whole = hashlib.sha256()
    for path in sorted(_ROOT.rglob("*")):
        if path.suffix in _CODE:
            content = path.read_bytes()
            whole.update(f"{path.relative_to(_ROOT).as_posix()}\0{len(content)}\0".encode())
            whole.update(content)
    return whole.hexdigest()[:12]
