"""Shows the progress of a batch: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from local.fss.deployment.outcome import is_over
from local.printable import printable_lines, printable_values

EVERY = 5.0
"""Seconds between plain lines while only numbers change."""

_MINUTE = 60
_HOUR = 3600


class Display(Protocol):
    """Shows messages and the progress of a batch."""

    def say(self, message: str) -> None:
        """Show a message permanently."""

    def show(self, batch: Mapping[str, Any]) -> None:
        """Show the progress of a batch."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class PlainLines:
    """Prints a line every few seconds, and whenever something other than a number changes."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._state: tuple[object, ...] = ()
        self._line = ""
        self._due = 0.0

    def say(self, message: str) -> None:
        """Print a line."""
        print(printable_lines(message), file=self._stream, flush=True)

    def show(self, batch: Mapping[str, Any]) -> None:
        """Print a line if the state has changed, or if it is time and a number has changed."""
        state, line = _state(batch), describe(batch)
        if line != self._line and (state != self._state or self._clock() >= self._due):
            self.say(line)
            self._state, self._line, self._due = state, line, self._clock() + EVERY

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class LiveDisplay:
    """Redraws a progress bar with a line below it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._console = console

    def say(self, message: str) -> None:
        """Print a line above the display."""
        self._console.print(printable_lines(message), highlight=False, markup=False)

    def show(self, batch: Mapping[str, Any]) -> None:
        """Redraw the display."""
        progress = batch["progress"]
        total = progress["total"] or None  # None draws a pulsing bar
        bar = ProgressBar(total=total, completed=progress["done"], pulse=total is None, width=60)
        self._live.update(Group(bar, Text(describe(batch))))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def display(stream: TextIO = sys.stderr) -> Display:
    """Return a live display for a terminal, otherwise plain lines."""
    console = Console(file=stream)
    return LiveDisplay(console) if console.is_terminal else PlainLines(stream)


def describe(batch: Mapping[str, Any]) -> str:
    """Return a batch's progress as one line."""
    batch = printable_values(batch)
    progress, requests = batch["progress"], batch["requests"]
    parts = [_heading(batch)]
    if progress["total"]:
        parts.append(f"{progress['done']} of {progress['total']} files")
    elif batch["scanned"]:
        parts.append(f"{batch['scanned']} objects listed")
    if progress["in_progress"]:
        parts.append(f"{progress['in_progress']} in progress")
    if rate := progress["indexed_per_minute"]:
        parts.append(f"{rate:.4g} a minute")
    parts.append(f"requests {requests['metered']} metered, {requests['throttled']} throttled")
    parts.append(f"breaker {batch['breaker']['state']}")
    if hold := batch.get("hold"):
        parts.append(_hold(hold))
    if (seconds := progress["eta_seconds"]) and not is_over(batch):
        parts.append(f"about {duration(seconds)} left")
    if message := batch.get("message"):
        parts.append(message)
    return "; ".join(parts)


def duration(seconds: float) -> str:
    """Return a duration as text, in seconds, minutes or hours."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"


def _heading(batch: Mapping[str, Any]) -> str:
    return str(batch["status"] if is_over(batch) or batch["status"] == "paused" else batch["phase"])


def _hold(hold: Mapping[str, Any]) -> str:
    until = f" until {hold['until']}" if hold.get("until") else ""
    return f"on hold{until}: {hold['reason']}"


def _state(batch: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the values whose change is shown immediately."""
    hold = batch.get("hold") or {}
    return (
        batch["status"],
        batch["phase"],
        batch["breaker"]["state"],
        hold.get("reason"),
        batch.get("message"),
    )
