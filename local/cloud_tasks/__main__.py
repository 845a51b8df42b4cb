"""`python -m local.cloud_tasks`: runs the server until SIGTERM or SIGINT.

When ready, it prints one line of JSON, `{"grpc": "127.0.0.1:P", "admin": "http://..."}`.
Exit codes: 0 stopped, 2 usage error, 4 could not start (port in use, or unusable state file).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from local.cloud_tasks.queue.faults import Faults
from local.cloud_tasks.server import serving
from local.cloud_tasks.settings import Settings
from local.grpc_server.listening import PortTaken, until_stopped
from local.sqlite_state import StateError

EXIT_COULD_NOT_START = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server and return the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        settings = _settings(options)
    except ValueError as error:
        parser.error(str(error))
    try:
        asyncio.run(until_stopped(serving(settings), partial(_tell, options.ready_file)))
    except (PortTaken, StateError) as error:
        print(f"cloud_tasks: {error}", file=sys.stderr)
        return EXIT_COULD_NOT_START
    if options.ready_file is not None:
        options.ready_file.unlink(missing_ok=True)
    return 0


def _tell(ready_file: Path | None, line: str) -> None:
    if ready_file is not None:
        _write(ready_file, line)
    print(line, flush=True)


def _write(path: Path, line: str) -> None:
    """Write atomically, so that a reader sees the whole line or nothing."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(f"{line}\n")
    draft.replace(path)


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        port=options.port,
        admin_port=options.admin_port,
        state=options.state,
        task_tombstone=options.task_tombstone,
        queue_tombstone=options.queue_tombstone,
        min_dispatch_deadline=options.min_dispatch_deadline,
        throttle=options.throttle,
        issuer=options.issuer,
        faults=Faults().updated(json.loads(options.faults)),
    )


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m local.cloud_tasks",
        description="A local Cloud Tasks server on 127.0.0.1.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=default.port, help="port of the gRPC API; 0 takes a free one")
    add(
        "--admin-port",
        type=int,
        default=default.admin_port,
        help="port of the admin HTTP server; 0 takes a free one",
    )
    add(
        "--state", type=Path, metavar="FILE", help="file that keeps queues and tasks over a restart"
    )
    add("--ready-file", type=Path, metavar="FILE", help="file that also receives the ready line")
    _add_behaviour(parser, default)
    return parser


def _add_behaviour(parser: argparse.ArgumentParser, default: Settings) -> None:
    add = parser.add_argument
    add(
        "--task-tombstone",
        type=float,
        default=default.task_tombstone,
        metavar="S",
        help="seconds that a finished task's name stays taken",
    )
    add(
        "--queue-tombstone",
        type=float,
        default=default.queue_tombstone,
        metavar="S",
        help="seconds that a deleted queue's name stays taken",
    )
    add(
        "--min-dispatch-deadline",
        type=float,
        default=default.min_dispatch_deadline,
        metavar="S",
        help="least dispatch_deadline in seconds; lower it to test deadlines",
    )
    add(
        "--throttle",
        action=argparse.BooleanOptionalAction,
        default=default.throttle,
        help="slow a queue down after 429 and 503 answers",
    )
    add("--issuer", default=default.issuer, help="issuer of the OIDC tokens")
    add("--faults", default="{}", metavar="JSON", help="initial faults, as in POST /faults")


if __name__ == "__main__":
    sys.exit(main())
