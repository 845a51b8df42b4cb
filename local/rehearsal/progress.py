"""Shows the progress of syncs as lines below the step that they belong to."""

from __future__ import annotations

from local.fss.report.progress import PlainLines

INDENT = "       "
"""What a step prints is indented by this much, below its title."""


class IndentedLines(PlainLines):
    """Plain lines, indented. They stay in the log of whoever keeps it."""

    def say(self, message: str) -> None:
        """Print a line."""
        super().say(INDENT + message)
