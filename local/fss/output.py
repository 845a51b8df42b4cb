"""Prints the command's answer to stdout and everything else to stderr.

Whatever the text, it doesn't speak to the terminal. What comes from elsewhere is made printable
where the text is put together, so that it can't begin a line of its own.
"""

from __future__ import annotations

import json
import sys

from local.fss.deployment.outcome import Failure
from local.fss.report.progress import Display, display
from local.printable import printable_lines


class Output:
    """One answer on stdout, as text or as one JSON object.

    Args:
        as_json: Whether to print JSON. A failure is then also an object: ``{"error": ...}``.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def answer(self, value: object, text: str) -> None:
        """Print the answer."""
        print(json.dumps(value) if self.as_json else printable_lines(text), flush=True)

    def part(self, text: str) -> None:
        """Print a part of the answer; with JSON, the answer alone is printed."""
        if not self.as_json:
            print(printable_lines(text), flush=True)

    def fail(self, failure: Failure) -> None:
        """Print why there is no answer."""
        if self.as_json:
            self.answer({"error": str(failure), **failure.details}, "")
        self.note(f"fss: {failure}")
        if failure.usage:
            self.note(failure.usage)

    def note(self, text: str) -> None:
        """Print a message."""
        print(printable_lines(text), file=sys.stderr, flush=True)

    def display(self) -> Display:
        """Return a display of progress."""
        return display(sys.stderr)
