"""`python -m local.cloud_storage`: runs the server until SIGTERM or SIGINT.

When ready, it prints one line of JSON on stdout: {"url": "http://127.0.0.1:PORT"}.
Exit codes: 0 stopped, 2 usage error, 4 could not start (port in use, or unusable state).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from local.cloud_storage.server import serving
from local.sqlite_state import StateError

EXIT_COULD_NOT_START = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        asyncio.run(_serve(options.port, options.state))
    except StateError as error:
        print(f"cloud_storage: {error}", file=sys.stderr)
        return EXIT_COULD_NOT_START
    except OSError as error:
        print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return EXIT_COULD_NOT_START
    return 0


async def _serve(port: int, state: Path | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(port, state) as url:
        print(json.dumps({"url": url}), flush=True)
        await stopped.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.cloud_storage",
        description="A local Cloud Storage on 127.0.0.1.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port to listen on; default: a free one")
    add("--state", type=Path, metavar="FOLDER", help="folder that keeps objects over a restart")
    return parser


if __name__ == "__main__":
    sys.exit(main())
