"""Runs a command line, and turns whatever ends it into text and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from local.fss.command_line.program import run_command
from local.fss.command_line.run import Run
from local.fss.deployment.outcome import Exit, Failure, Terminated
from local.fss.output import Output


def run_words(words: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # not every terminal shows every character
        sys.stdout.reconfigure(errors="backslashreplace")
    output = Output(as_json="--json" in words)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return _run(words, output)
    except BrokenPipeError:  # what read the output has ended, as `fss status | head` does
        _write_nowhere()
        return Exit.NOBODY_READS


def _run(words: Sequence[str], output: Output) -> int:
    try:
        return run_command(words, Run(output))
    except KeyboardInterrupt as interruption:
        output.note(f"\n{str(interruption) or 'Interrupted.'}")
        return Exit.TERMINATED if isinstance(interruption, Terminated) else Exit.INTERRUPTED
    except Failure as failure:
        return _told(failure, output)
    except BrokenPipeError:
        raise
    except OSError as error:  # a full disk, a folder that can't be made, a file that can't be read
        where = f": {error.filename}" if error.filename else ""
        return _told(Failure(Exit.COULD_NOT_RUN, f"{error.strerror or error}{where}"), output)
    except Exception as error:  # noqa: BLE001 - Python would exit with 1, which has another meaning
        output.note(traceback.format_exc())
        return _told(Failure(Exit.COULD_NOT_RUN, f"unexpected error: {error!r}"), output)


def _told(failure: Failure, output: Output) -> Exit:
    try:
        output.fail(failure)
    except BrokenPipeError:
        raise
    except OSError:  # stdout can't be written, which was the failure
        output.note(f"fss: {failure}")
        _write_nowhere()
    return failure.exit_code


def _write_nowhere() -> None:
    """Let Python's last flush of stdout succeed."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _terminate(*_: object) -> NoReturn:
    raise Terminated
