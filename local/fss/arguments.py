"""The command line of `fss`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from local.gemini.api.admin import parse_rules
from local.stack.options import Quota
from shared.domain.batch.batch import DeletePolicy, SyncMode
from shared.domain.source.path_glob import PathGlob
from shared.domain.source.path_template import PathTemplate
from shared.domain.throttle.tiers import load_tier_table, tier_named

DISPATCHER_URL = "FSS_DISPATCHER_URL"
STATUS_URL = "FSS_STATUS_URL"
TOKEN_COMMAND = "FSS_TOKEN_COMMAND"  # noqa: S105 - the name of a variable

DEFAULT_TIME_SCALE = 10.0
MAX_PORT = 65_535

_EXIT_CODES = """\
exit codes: 0 in step; 1 finished, but files failed or are left for a later run; 2 usage;
3 refused by a guard, or another run is at work; 4 could not run; 130 interrupted
"""

Value = TypeVar("Value")


class UsageProblem(Exception):
    """The command line can't be read."""


class _Parser(argparse.ArgumentParser):
    """Leaves it to the command how a problem is told, since --json wants JSON."""

    def error(self, message: str) -> NoReturn:
        raise UsageProblem(f"{message} (see {self.prog} --help)")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Raises:
        UsageProblem: It asks for something that does not exist or can't be.
    """
    return _parser().parse_args(argv)


def _parser() -> _Parser:
    parser = _Parser(
        prog="fss",
        description="Keep a Gemini File Search store in step with a folder or a bucket.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    stack, remote, output, guards = _stack(), _remote(), _output(), _request(modes=False)
    request = _request(modes=True)

    def command(name: str, text: str, *parents: _Parser) -> _Parser:
        about = f"{text[0].upper()}{text[1:]}."
        return commands.add_parser(name, help=text, description=about, parents=[*parents, output])

    local = command("local", "sync a folder on this machine, once", stack, request)
    local.add_argument("--keep", action="store_true", help="leave the stack up until Ctrl-C")
    up = command("up", "start everything on this machine and leave it up", stack)
    up.add_argument("--port", type=_port, metavar="P", help="of the status page; default: any")
    sync = command("sync", "start a sync of a deployment", remote, request)
    retry = command("retry", "start a sync that also retries every failed file", remote, guards)
    retry.set_defaults(mode=SyncMode.RETRY_FAILED.value)
    reconcile = command(
        "reconcile", "compare the store with the records, and mend both; then sync", remote, guards
    )
    reconcile.set_defaults(mode=SyncMode.RECONCILE.value)
    for starting in (sync, retry, reconcile):
        starting.add_argument("--watch", action="store_true", help="follow it to its end")
    command("failures", "list the files that failed", remote)
    store = command("store", "show the store, or end its change to another one", remote)
    store.add_argument(
        "order",
        nargs="?",
        choices=["promote", "drop"],
        help="promote: search in the new one though files are missing; drop: delete the old one",
    )
    for name, text in (
        ("status", "show how a batch went, or how far it is"),
        ("cancel", "end a batch; what is left is done by the next one"),
        ("pause", "hold a batch until it is resumed"),
        ("resume", "let a paused batch go on"),
    ):
        one = command(name, text, remote)
        one.add_argument("batch", nargs="?", metavar="BATCH", help="its id; default: the latest")
    return parser


def _stack() -> _Parser:
    """Options of a stack on this machine."""
    parser = _Parser(add_help=False)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the folder of documents")
    table = load_tier_table()
    group = parser.add_argument_group("the deployment")
    add = group.add_argument
    add(
        "--tier",
        type=_read(tier_named),
        default=table.default_tier,
        metavar="T",
        help=f"quota tier: {', '.join(table.tiers)}; default: {table.default_tier.name}",
    )
    add("--path-template", type=_template, metavar="T", help="reads metadata out of names")
    for name, text in (("--include", "only such names"), ("--exclude", "no such names")):
        add(name, type=_glob, action="append", default=[], metavar="GLOB", help=f"{text}; repeat")
    add("--state", type=Path, metavar="DIR", help="go on from there, and keep everything there")
    add(
        "--time-scale",
        type=_time_scale,
        default=DEFAULT_TIME_SCALE,
        metavar="X",
        help="divides waiting times, but no request rate; default: %(default)g",
    )
    service = parser.add_argument_group("the service")
    add = service.add_argument
    add("--real", action="store_true", help="the real one, with the key in GEMINI_API_KEY")
    add(
        "--quota",
        type=Quota,
        choices=list(Quota),
        default=Quota.EXACT,
        help="what the simulator enforces: nothing, or the tier's rate (default)",
    )
    add("--seed", type=int, default=0, metavar="N", help="of the simulator's chance")
    add("--faults", type=_faults, metavar="JSON", help="of the simulator: an order, or a list")
    return parser


def _request(*, modes: bool) -> _Parser:
    """What is asked of a sync, with or without its mode."""
    parser = _Parser(add_help=False)
    group = parser.add_argument_group("the sync")
    add = group.add_argument
    if modes:
        known = [mode.value for mode in SyncMode]
        add("--mode", choices=known, default=SyncMode.INCREMENTAL.value)
        add("--new-store", action="store_true", help="fill another store; with --mode full")
    add("--prefix", default="", metavar="P", help="only names that begin so")
    add("--dry-run", action="store_true", help="find out, and change nothing")
    add("--delete-policy", choices=[policy.value for policy in DeletePolicy])
    for name, text in (("--max-deletes", "documents"), ("--max-imports", "files")):
        verb = name.removeprefix("--max-").removesuffix("s")
        add(name, type=_count, metavar="N", help=f"refuse to {verb} more {text}")
    bound = "refuse to import for an estimated price of more US dollars"
    add("--max-estimated-cost", type=_amount, metavar="USD", help=bound)
    add("--force", action="store_true", help="don't rebuild lost records from the store")
    return parser


def _remote() -> _Parser:
    """Which deployment."""
    parser = _Parser(add_help=False)
    group = parser.add_argument_group("the deployment")
    for option, variable, what in (
        ("--dispatcher", DISPATCHER_URL, "URL of the dispatcher function"),
        ("--status", STATUS_URL, "URL of the status function"),
        ("--token-command", TOKEN_COMMAND, "prints a bearer token for both"),
    ):
        group.add_argument(
            option,
            default=os.environ.get(variable) or None,
            metavar="COMMAND" if variable is TOKEN_COMMAND else "URL",
            help=f"{what}; default: ${variable}",
        )
    return parser


def _output() -> _Parser:
    parser = _Parser(add_help=False)
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on stdout, and nothing else there"
    )
    return parser


def _read(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a reader whose complaint is that of `parse`, not one that hides it."""

    def read(text: str) -> Value:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _template(text: str) -> str:
    _read(PathTemplate.parse)(text)
    return text


def _glob(text: str) -> str:
    _read(PathGlob.parse)(text)
    if "," in text:
        raise argparse.ArgumentTypeError(f"{text!r}: a comma separates patterns; give each its own")
    return text


def _faults(text: str) -> str:
    _read(lambda value: parse_rules(json.loads(value)))(text)
    return text


def _time_scale(text: str) -> float:
    value = _read(float)(text)
    if not 1 <= value < float("inf"):
        raise argparse.ArgumentTypeError("a time scale is 1 or more")
    return value


def _port(text: str) -> int:
    value = _read(int)(text)
    if not 0 < value <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {MAX_PORT}")
    return value


def _amount(text: str) -> float:
    value = _read(float)(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("an amount of money is more than 0")
    return value


def _count(text: str) -> int:
    value = _read(int)(text)
    if value < 0:
        raise argparse.ArgumentTypeError("a number of files is 0 or more")
    return value
