"""`python -m local.cloud_storage`: runs the server until SIGTERM or SIGINT.

When ready, it prints one line of JSON on stdout: {"url": "http://127.0.0.1:PORT"}.
Exit codes: 0 stopped by a signal, 2 usage error, 4 could not start, or ended by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from local.cloud_storage.program import NoProgram
from local.cloud_storage.server import Ended, serving

EXIT_COULD_NOT_RUN = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(argv)
    try:
        asyncio.run(_serve(options.port, options.folder and options.folder.resolve()))
    except (Ended, NoProgram) as error:
        print(f"cloud_storage: {error}", file=sys.stderr)
        return EXIT_COULD_NOT_RUN
    except OSError as error:
        print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return EXIT_COULD_NOT_RUN
    return 0


async def _serve(port: int, folder: Path | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with serving(port, folder) as server:
        print(json.dumps({"url": server.url}), flush=True)
        await server.until(stopped)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.cloud_storage",
        description="A Cloud Storage server on loopback, which no web page can use.",
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port to listen on; default: a free one")
    add(
        "--folder",
        type=Path,
        metavar="DIR",
        help="folder that keeps the objects as files; default: keep nothing",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
