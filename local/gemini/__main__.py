"""`python -m local.gemini`: runs the simulator until SIGTERM or SIGINT.

When ready, it prints one line of JSON on stdout: {"url": "http://127.0.0.1:PORT"}.
Exit codes: 0 stopped by a signal, 2 usage error, 4 could not listen or open the state file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from local.gemini.api.admin import parse_rules
from local.gemini.server import Server
from local.gemini.settings import Settings, StoreFigures
from local.gemini.simulator import Simulator
from local.gemini.traffic.faults import FaultRule
from local.gemini.traffic.quota import DEFAULT_METERED, QuotaLimits
from local.gemini.wire.routes import Route

EXIT_COULD_NOT_RUN = 4


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise ValueError(text)
    return value


def _limit(text: str) -> int:
    value = int(text)
    if value < 0:
        raise ValueError(text)
    return value


def _faults(text: str) -> list[FaultRule]:
    try:
        return parse_rules(json.loads(text))
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local.gemini", description="A Gemini File Search simulator on loopback."
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="port to listen on; default: a free one")
    add("--state", type=Path, help="SQLite file that keeps all data; default: keep nothing")
    add(
        "--full-names", action="store_true", help="return full resource names from finished imports"
    )
    add(
        "--bare-citations", action="store_true", help="leave the documents' metadata out of answers"
    )
    add(
        "--faults", type=_faults, default=[], metavar="JSON", help="a fault rule or a list of rules"
    )
    _add_quota(parser)
    _add_latencies(parser, Settings())
    return parser


def _add_quota(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--rpm-limit", type=_limit, help="most metered requests in any 60 s; default: no limit")
    add("--rpd-limit", type=_limit, help="most metered requests per day; default: no limit")
    add(
        "--storage-limit",
        type=_limit,
        metavar="BYTES",
        help="most bytes in all stores; default: no limit",
    )
    add(
        "--concurrent-imports",
        type=_limit,
        metavar="N",
        help="most documents pending at the same time; default: no limit",
    )
    add(
        "--metered",
        nargs="+",
        type=Route,
        default=sorted(DEFAULT_METERED),
        metavar="ROUTE",
        help="routes that count towards the request quota (default: %(default)s)",
    )
    add("--retry-after", action="store_true", help="add a Retry-After header to 429 answers")
    add(
        "--no-retry-info", action="store_true", help="leave google.rpc.RetryInfo out of 429 answers"
    )


def _add_latencies(parser: argparse.ArgumentParser, usual: Settings) -> None:
    add = parser.add_argument
    add("--time-scale", type=_positive, default=usual.time_scale, help="divides all durations")
    add(
        "--seed",
        type=int,
        default=usual.seed,
        help="seed of the random numbers: jitter and fault rates",
    )
    add(
        "--processing-seconds",
        type=float,
        default=usual.processing_s,
        help="seconds until an uploaded file is ACTIVE; default: %(default)g",
    )
    add(
        "--import-seconds",
        type=float,
        default=usual.import_base_s,
        help="seconds for an import of any size; default: %(default)g",
    )
    add(
        "--import-seconds-per-mb",
        type=float,
        default=usual.import_per_mb_s,
        help="additional seconds for each MB of an import; default: %(default)g",
    )
    add(
        "--counts-lag-seconds",
        type=float,
        default=usual.store_figures.lag_s,
        help="seconds by which a store's counts and size lag behind; default: %(default)g",
    )
    add(
        "--reported-per-byte",
        type=_limit,
        default=usual.store_figures.reported_per_byte,
        metavar="N",
        help="bytes that a store's size counts for each byte of input; default: %(default)s",
    )
    add("--jitter", type=float, default=usual.jitter, help="fraction by which durations vary")


def _simulator(options: argparse.Namespace) -> Simulator:
    return Simulator(
        Settings(
            time_scale=options.time_scale,
            seed=options.seed,
            processing_s=options.processing_seconds,
            import_base_s=options.import_seconds,
            import_per_mb_s=options.import_seconds_per_mb,
            jitter=options.jitter,
            full_names=options.full_names,
            bare_citations=options.bare_citations,
            store_figures=StoreFigures(options.reported_per_byte, options.counts_lag_seconds),
        ),
        limits=QuotaLimits(
            rpm=options.rpm_limit,
            rpd=options.rpd_limit,
            storage_bytes=options.storage_limit,
            concurrent_imports=options.concurrent_imports,
            metered=frozenset(options.metered),
            retry_info=not options.no_retry_info,
            retry_after=options.retry_after,
        ),
        faults=options.faults,
        state=options.state,
    )


async def _serve(simulator: Simulator, port: int) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = Server(simulator)
    try:
        url = await server.start(port)
        print(json.dumps({"url": url}), flush=True)
        await stopped.wait()
    finally:
        await server.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        simulator = _simulator(options)
    except sqlite3.Error as error:
        print(f"cannot open the state file {options.state}: {error}", file=sys.stderr)
        return EXIT_COULD_NOT_RUN
    try:
        asyncio.run(_serve(simulator, options.port))
    except OSError as error:
        print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return EXIT_COULD_NOT_RUN
    finally:
        simulator.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
