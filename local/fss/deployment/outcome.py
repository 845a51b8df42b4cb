"""The command's exit codes, and how a batch's status maps to them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from shared.domain.batch.kinds import BatchStatus


class Exit(IntEnum):
    """The exit codes."""

    IN_STEP = 0
    """The store is in step; files skipped for a reason don't matter."""
    NOT_IN_STEP = 1
    """The run is over, but files failed, are left for a later run, or were cancelled."""
    USAGE = 2
    REFUSED = 3
    """A guard refused, or another run is in progress."""
    COULD_NOT_RUN = 4
    INTERRUPTED = 130
    """128 + SIGINT, as in shells."""
    NOBODY_READS = 141
    """128 + SIGPIPE: what reads the output has ended, as ``head`` does."""
    TERMINATED = 143
    """128 + SIGTERM."""


class Failure(Exception):
    """The command can't continue; the message is for the user, the code for the shell.

    Args:
        usage: The usage of the command, if the command line was wrong.
        status: The HTTP status of the answer, if there was one.
        details: More fields of the answer, if it is JSON.
    """

    def __init__(
        self,
        exit_code: Exit,
        message: str,
        /,
        *,
        usage: str = "",
        status: int | None = None,
        **details: object,
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.usage = usage
        self.status = status
        self.details = details


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what a person should know about what goes on and what doesn't."""


class Terminated(Interrupted):
    """SIGTERM was received; handled like Ctrl-C."""


_ENDS = {
    BatchStatus.COMPLETED: Exit.IN_STEP,
    BatchStatus.COMPLETED_WITH_FAILURES: Exit.NOT_IN_STEP,
    BatchStatus.CANCELLED: Exit.NOT_IN_STEP,
    BatchStatus.DEFERRED: Exit.NOT_IN_STEP,
    BatchStatus.REFUSED: Exit.REFUSED,
    BatchStatus.FAILED: Exit.COULD_NOT_RUN,
}


def is_over(batch: Mapping[str, Any]) -> bool:
    """Whether a batch has ended."""
    return BatchStatus(batch["status"]).is_terminal


def exit_code(batch: Mapping[str, Any]) -> Exit:
    """Return the exit code for a batch; a batch in progress has not failed."""
    if batch["failed"] and is_over(batch) and batch["status"] == BatchStatus.COMPLETED:
        return Exit.NOT_IN_STEP
    return _ENDS.get(BatchStatus(batch["status"]), Exit.IN_STEP)
