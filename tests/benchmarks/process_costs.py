"""What a process and its children have used, as Linux tells it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PARENT, _CPU, _RSS = 1, slice(11, 13), 21


@dataclass(frozen=True, slots=True)
class ProcessCosts:
    """Seconds of CPU since the start, and bytes of resident memory now."""

    cpu: float
    memory: int


def costs_of(pid: int) -> ProcessCosts:
    """The sums over a process and its descendants that run."""
    stats = dict(_stats())
    family = {pid}
    while more := {child for child, stat in stats.items() if int(stat[_PARENT]) in family} - family:
        family |= more
    known = [stats[each] for each in family if each in stats]
    return ProcessCosts(
        cpu=sum(int(ticks) for stat in known for ticks in stat[_CPU]) / _TICKS,
        memory=sum(int(stat[_RSS]) for stat in known) * _PAGE,
    )


def _stats() -> Iterator[tuple[int, list[str]]]:
    """The fields of /proc/PID/stat after the command's name, by process."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:  # it has ended
                continue
            yield int(folder.name), stat.rpartition(")")[2].split()
