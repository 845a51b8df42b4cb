"""The entry point of `fss`; also `python -m local.fss`."""

from __future__ import annotations

import io
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from local.fss.command_line.program import run_command
from local.fss.command_line.run import Run
from local.fss.deployment.outcome import Exit, Failure
from local.fss.output import Output


class Terminated(KeyboardInterrupt):
    """SIGTERM was received; handled like Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    if isinstance(sys.stdout, io.TextIOWrapper):  # not every terminal shows every character
        sys.stdout.reconfigure(errors="backslashreplace")
    output = Output(as_json="--json" in words)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return run_command(words, Run(output))
    except KeyboardInterrupt as interruption:
        output.note("\nInterrupted; everything has been stopped.")
        return Exit.TERMINATED if isinstance(interruption, Terminated) else Exit.INTERRUPTED
    except Failure as failure:
        output.fail(failure)
        return failure.exit_code
    except Exception as error:  # noqa: BLE001 - Python would exit with 1, which has another meaning
        output.note(traceback.format_exc())
        output.fail(Failure(Exit.COULD_NOT_RUN, f"unexpected error: {error!r}"))
        return Exit.COULD_NOT_RUN


def _terminate(*_: object) -> NoReturn:
    raise Terminated


if __name__ == "__main__":
    sys.exit(main())
