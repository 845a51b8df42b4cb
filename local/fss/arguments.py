"""Parses the command line of `fss`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

from local.gemini.api.admin import parse_rules
from local.stack.options import FirestoreKind, Quota
from shared.domain.batch.batch import DeletePolicy, SyncMode
from shared.domain.metadata.path_template import PathTemplate
from shared.domain.source.ignored_names import BUILT_IN, checked_rule
from shared.domain.source.path_glob import PathGlob
from shared.domain.throttle.tiers import default_tier, load_tiers, tier_named

DISPATCHER_URL = "FSS_DISPATCHER_URL"
STATUS_URL = "FSS_STATUS_URL"
TOKEN_COMMAND = "FSS_TOKEN_COMMAND"  # noqa: S105 - the name of a variable

DEFAULT_TIME_SCALE = 10.0
MAX_PORT = 65_535
MAX_TIME_SCALE = 100

_EXIT_CODES = """\
exit codes: 0 in step; 1 finished, but files failed or are left for a later run; 2 usage error;
3 refused by a guard, or another run is in progress; 4 could not run; 130 interrupted
"""

_OF_ONE_BATCH = {
    "status": "show the progress or the result of a batch",
    "cancel": "cancel a batch; the next one does the rest",
    "pause": "pause a batch until it is resumed",
    "resume": "resume a paused batch",
}

Value = TypeVar("Value")


class UsageProblem(Exception):
    """The command line is wrong; the message says why."""


class _Parser(argparse.ArgumentParser):
    """Raises instead of printing, because with --json errors are printed as JSON."""

    def error(self, message: str) -> NoReturn:
        raise UsageProblem(f"{message} (see {self.prog} --help)")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line.

    Raises:
        UsageProblem: An argument is unknown, missing, or has an invalid value.
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

    local = command("local", "sync a folder once, on this machine", stack, request)
    local.add_argument("--keep", action="store_true", help="keep the stack running until Ctrl-C")
    up = command("up", "start all parts on this machine and keep them running", stack)
    port = "port of the status function; default: any free port"
    up.add_argument("--port", type=_port, metavar="P", help=port)
    sync = command("sync", "start a sync of a deployment", remote, request)
    retry = command("retry", "start a sync that also retries every failed file", remote, guards)
    retry.set_defaults(mode=SyncMode.RETRY_FAILED.value)
    reconcile = command(
        "reconcile", "compare the store with the records, repair both, then sync", remote, guards
    )
    reconcile.set_defaults(mode=SyncMode.RECONCILE.value)
    watch = "show progress until the sync ends"
    for starting in (sync, retry, reconcile):
        starting.add_argument("--watch", action="store_true", help=watch)
    command("failures", "list the files that failed", remote)
    _add_order(command("store", "show the store, or finish replacing it", remote))
    for name, text in _OF_ONE_BATCH.items():
        one = command(name, text, remote)
        one.add_argument("batch", nargs="?", metavar="BATCH", help="its id; default: the latest")
    return parser


def _add_order(store: _Parser) -> None:
    store.add_argument(
        "order",
        nargs="?",
        choices=["promote", "drop"],
        help="promote: use the new store even if files are missing; drop: delete the old store",
    )


def _stack() -> _Parser:
    """Return the options of a stack on this machine."""
    parser = _Parser(add_help=False)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the folder of documents")
    group = parser.add_argument_group("the deployment")
    add = group.add_argument
    add(
        "--tier",
        type=_read(tier_named),
        default=default_tier(),
        metavar="T",
        help=f"quota tier: {', '.join(load_tiers())}; default: {default_tier().name}",
    )
    add("--path-template", type=_template, metavar="T", help="how to read metadata from names")
    for name, text in (("--include", "sync only"), ("--exclude", "skip")):
        about = f"{text} names that match; may be given more than once"
        add(name, type=_glob, action="append", default=[], metavar="GLOB", help=about)
    add(
        "--not-ignored",
        type=_read(checked_rule),
        action="append",
        default=[],
        metavar="NAME",
        help=f"sync a name that is ignored otherwise: {', '.join(BUILT_IN)}",
    )
    links = "also take what links outside the folder lead to; default: leave it out, and say so"
    add("--follow-links", action="store_true", help=links)
    add(
        "--max-cost-per-day",
        type=_cost_per_day,
        metavar="USD",
        help="what the imports of a day may cost in US dollars; the rest waits",
    )
    add(
        "--state",
        type=Path,
        metavar="DIR",
        help="keep all data in DIR, and continue from it in a later run",
    )
    add(
        "--time-scale",
        type=_time_scale,
        default=DEFAULT_TIME_SCALE,
        metavar="X",
        help="divides waiting times but not request rates; default: %(default)g",
    )
    add(
        "--firestore",
        type=FirestoreKind,
        choices=list(FirestoreKind),
        default=FirestoreKind.EMBEDDED,
        help="embedded: a server of this program (default); emulator: Google's, which needs "
        "Java and answers the web pages of any origin",
    )
    _add_service(parser)
    return parser


def _add_service(parser: _Parser) -> None:
    """Add the options of the real or simulated service."""
    add = parser.add_argument_group("the service").add_argument
    add("--real", action="store_true", help="use the real service, with the key in GEMINI_API_KEY")
    add(
        "--quota",
        type=Quota,
        choices=list(Quota),
        default=Quota.EXACT,
        help="what the simulator enforces: off: nothing; exact: the tier's rate (default)",
    )
    add("--seed", type=int, default=0, metavar="N", help="seed of the simulator's random numbers")
    add(
        "--faults",
        type=_faults,
        metavar="JSON",
        help="faults of the simulator: a rule or a list of rules",
    )


def _request(*, modes: bool) -> _Parser:
    """Return the options of a sync request, with or without its mode."""
    parser = _Parser(add_help=False)
    group = parser.add_argument_group("the sync")
    add = group.add_argument
    if modes:
        known = [mode.value for mode in SyncMode]
        add(
            "--mode",
            choices=known,
            default=SyncMode.INCREMENTAL.value,
            help="default: %(default)s",
        )
        add("--new-store", action="store_true", help="fill a new store; needs --mode full")
    add("--prefix", default="", metavar="P", help="sync only names with this prefix")
    add("--dry-run", action="store_true", help="report what the sync would do, and change nothing")
    add("--delete-policy", choices=[policy.value for policy in DeletePolicy])
    for name, text in (("--max-deletes", "documents"), ("--max-imports", "files")):
        verb = name.removeprefix("--max-").removesuffix("s")
        add(name, type=_count, metavar="N", help=f"refuse to {verb} more than N {text}")
    bound = "refuse to import if the estimated cost is more than USD US dollars"
    add("--max-estimated-cost", type=_amount, metavar="USD", help=bound)
    add("--force", action="store_true", help="do not rebuild lost records from the store")
    return parser


def _remote() -> _Parser:
    """Return the options that name a deployment."""
    parser = _Parser(add_help=False)
    group = parser.add_argument_group("the deployment")
    for option, variable, what in (
        ("--dispatcher", DISPATCHER_URL, "URL of the dispatcher function"),
        ("--status", STATUS_URL, "URL of the status function"),
        ("--token-command", TOKEN_COMMAND, "command that prints a bearer token for both"),
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
        "--json", action="store_true", help="print one JSON object on stdout and nothing else"
    )
    return parser


def _read(parse: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return a version of `parse` whose error message argparse shows."""

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
        raise argparse.ArgumentTypeError(
            f"{text!r} contains a comma; give each pattern with an option of its own"
        )
    return text


def _faults(text: str) -> str:
    _read(lambda value: parse_rules(json.loads(value)))(text)
    return text


def _time_scale(text: str) -> float:
    value = _read(float)(text)
    if not 1 <= value <= MAX_TIME_SCALE:
        raise argparse.ArgumentTypeError(f"a time scale must be from 1 to {MAX_TIME_SCALE}")
    return value


def _port(text: str) -> int:
    value = _read(int)(text)
    if not 0 < value <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"a port must be a number from 1 to {MAX_PORT}")
    return value


def _amount(text: str) -> float:
    value = _read(float)(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("an amount of money must be more than 0")
    return value


def _cost_per_day(text: str) -> str:
    """Return the amount as the environment variable holds it."""
    return repr(_amount(text))


def _count(text: str) -> int:
    value = _read(int)(text)
    if value < 0:
        raise argparse.ArgumentTypeError("a number of files must be 0 or more")
    return value
