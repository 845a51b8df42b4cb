"""Prints the command's answer to stdout and everything else to stderr."""

from __future__ import annotations

import json
import sys

from local.fss.deployment.outcome import Failure
from local.fss.report.progress import Display, display


class Output:
    """One answer on stdout, as text or as one JSON object.

    Args:
        as_json: Whether to print JSON. A failure is then also an object: ``{"error": ...}``.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def answer(self, value: object, text: str) -> None:
        """Print the answer."""
        print(json.dumps(value) if self._as_json else text, flush=True)

    def fail(self, failure: Failure) -> None:
        """Print why there is no answer."""
        if self._as_json:
            self.answer({"error": str(failure), **failure.details}, "")
        print(f"fss: {failure}", file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """Print a message."""
        print(text, file=sys.stderr, flush=True)

    def display(self) -> Display:
        """Return a display of progress."""
        return display(sys.stderr)
