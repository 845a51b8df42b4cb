"""Formats log lines: when, how severe, what about, and what is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.fss.deployment.logs import time_of
from local.printable import printable_values


def log_lines(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line of text for each line of a log, with its time to the second, in UTC."""
    for line in map(printable_values, lines):
        at = time_of(line)
        time = f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
        yield f"{time:<19}  {line.get('severity', ''):<8}  {line.get('message', '')}".rstrip()
