"""The entry point of `fss`; also `python -m local.fss`."""

from __future__ import annotations

import io
import signal
import sys
import traceback
from argparse import Namespace
from collections.abc import Sequence
from typing import NoReturn

from local.fss import remote
from local.fss.arguments import UsageProblem, parse
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
        return _run(words, output)
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


def _run(words: Sequence[str], output: Output) -> Exit:
    try:
        arguments = parse(words)
    except UsageProblem as problem:
        raise Failure(Exit.USAGE, str(problem)) from None
    if arguments.command in ("local", "up"):
        return _on_this_machine(arguments, output)
    if arguments.command in ("cancel", "pause", "resume"):
        return remote.order(arguments, output)
    commands = {
        "sync": remote.sync,
        "retry": remote.sync,
        "reconcile": remote.sync,
        "status": remote.status,
        "failures": remote.failures,
        "store": remote.store,
    }
    return commands[arguments.command](arguments, output)


def _on_this_machine(arguments: Namespace, output: Output) -> Exit:
    """Import what only these commands need; the import takes a second."""
    from local.fss import machine  # noqa: PLC0415 - see above

    try:
        return (machine.local if arguments.command == "local" else machine.up)(arguments, output)
    except KeyboardInterrupt:
        kept = arguments.state and f"To continue, use --state {arguments.state}."
        output.note(
            kept or "Nothing is kept; with --state DIR, a later run would continue from here."
        )
        raise


def _terminate(*_: object) -> NoReturn:
    raise Terminated


if __name__ == "__main__":
    sys.exit(main())
