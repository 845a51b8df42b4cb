"""Shows the progress of a batch: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, TextIO

from local.fss.report.progress_text import Steady, bar_texts, describe, fact_line, state_of
from local.printable import printable, printable_lines

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

EVERY = 5.0
"""Seconds between plain lines while only numbers change."""


WIDEST: Final = 100
"""Columns of the bar's line at most: figures far from their words are hard to read."""


class Display(Protocol):
    """Shows messages and the progress of a batch."""

    def say(self, message: str) -> None:
        """Show a message permanently."""

    def wait_for(self, what: str) -> None:
        """Show what is waited for, until something else is shown."""

    def show(self, batch: Mapping[str, Any]) -> None:
        """Show the progress of a batch."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


class PlainLines:
    """Prints a line every few seconds, and whenever something other than a number changes."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._steady = Steady()
        self._state: tuple[object, ...] = ()
        self._line = ""
        self._due = 0.0

    def say(self, message: str) -> None:
        """Print a line."""
        print(printable_lines(message), file=self._stream, flush=True)

    def wait_for(self, what: str) -> None:
        """Print a line."""
        self.say(f"Waiting for {what} ...")

    def show(self, batch: Mapping[str, Any]) -> None:
        """Print a line if the state has changed, or if it is time and a number has changed."""
        state, line = state_of(batch), describe(self._steady(batch))
        if line != self._line and (state != self._state or self._clock() >= self._due):
            self.say(line)
            self._state, self._line, self._due = state, line, self._clock() + EVERY

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class LiveDisplay:
    """Redraws two short lines: a bar with what is done, and what else matters.

    A message of the batch stands below them. Nothing is wider than the terminal.
    """

    def __init__(self, console: Console) -> None:
        from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._console = console
        self._steady = Steady()

    def say(self, message: str) -> None:
        """Print a line above the display."""
        self._console.print(printable_lines(message), highlight=False, markup=False)

    def wait_for(self, what: str) -> None:
        """Show a spinner."""
        from rich.spinner import Spinner  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        text = Text(f"Waiting for {printable(what)}", no_wrap=True, overflow="ellipsis")
        self._live.update(Spinner("line", text))

    def show(self, batch: Mapping[str, Any]) -> None:
        """Redraw the display."""
        self._live.update(_Progress(self._steady(batch)))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


class _Progress:
    """A batch's progress, drawn for whatever width the terminal has when it is drawn."""

    def __init__(self, batch: Mapping[str, Any]) -> None:
        self._batch = batch

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        from rich.progress_bar import ProgressBar  # noqa: PLC0415 - only a terminal needs it
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        progress, width = self._batch["progress"], options.max_width
        heading, *figures = bar_texts(self._batch, width)
        total = progress["total"] or None  # None draws a pulsing bar
        bar = ProgressBar(  # colours of the terminal's own palette, which suit its background
            total=total,
            completed=progress["done"],
            pulse=total is None,
            style="bright_black",
            complete_style="cyan",
            finished_style="green",
            pulse_style="cyan",
        )
        grid = Table.grid(padding=(0, 1, 0, 0))
        grid.width = min(width, WIDEST)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        for _each in figures:
            grid.add_column(no_wrap=True, justify="right")
        grid.add_row(Text(heading), bar, *map(Text, figures))
        yield grid
        yield Text(fact_line(self._batch, width), no_wrap=True, overflow="ellipsis")
        if message := printable(str(self._batch.get("message") or "")):
            yield Text(message)


def display(stream: TextIO | None = None) -> Display:
    """Return a live display for a terminal, otherwise plain lines."""
    stream = sys.stderr if stream is None else stream
    if not stream.isatty():
        return PlainLines(stream)
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    console = Console(file=stream)
    return PlainLines(stream) if console.is_dumb_terminal else LiveDisplay(console)
