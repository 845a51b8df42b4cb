"""`python -m local.firestore`: runs the server until SIGTERM or SIGINT.

When ready, it prints one line of JSON, `{"grpc": "127.0.0.1:P", "admin": "http://..."}`.
Exit codes: 0 stopped, 2 usage error, 4 could not start (port in use, or unusable state file).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from local.firestore.api.faults import Faults
from local.firestore.indexes.index_set import IndexSet
from local.firestore.server import serving
from local.firestore.settings import Settings
from local.grpc_server.listening import PortTaken, until_stopped
from local.sqlite_state import StateError

EXIT_COULD_NOT_START = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the server and return the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        settings = _settings(options)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    try:
        asyncio.run(until_stopped(serving(settings), _print))
    except (PortTaken, StateError) as error:
        print(f"firestore: {error}", file=sys.stderr)
        return EXIT_COULD_NOT_START
    return 0


def _print(line: str) -> None:
    print(line, flush=True)


def _settings(options: argparse.Namespace) -> Settings:
    indexes = None
    if options.indexes is not None:
        indexes = IndexSet.from_json(json.loads(options.indexes.read_bytes()))
    return Settings(
        port=options.port,
        admin_port=options.admin_port,
        state=options.state,
        indexes=indexes,
        expiry_delay=options.expiry_delay,
        faults=Faults().updated(json.loads(options.faults)),
    )


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m local.firestore",
        description="A local Firestore on 127.0.0.1.",
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
    add("--state", type=Path, metavar="FILE", help="file that keeps documents over a restart")
    add(
        "--indexes",
        type=Path,
        metavar="FILE",
        help="firestore.indexes.json; queries need these indexes, and its TTL fields expire",
    )
    add(
        "--expiry-delay",
        type=float,
        default=default.expiry_delay,
        metavar="S",
        help="seconds between a document's end and its deletion",
    )
    add("--faults", default="{}", metavar="JSON", help="initial faults, as in POST /faults")
    return parser


if __name__ == "__main__":
    sys.exit(main())
