"""Formats log lines: when, how severe, what about, and what is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.printable import printable_values


def log_lines(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line of text for each line of a log."""
    for line in map(printable_values, lines):
        time = str(line.get("time") or line.get("function") or "").partition(".")[0].rstrip("Z")
        yield f"{time:<19}  {line.get('severity', ''):<8}  {line.get('message', '')}".rstrip()
