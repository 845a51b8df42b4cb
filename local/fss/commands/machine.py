"""The commands that run a whole deployment on this machine: `local` and `up`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from local.fss.command_line.command import command, option
from local.fss.command_line.options import dry_run_option, mode_options, request_options
from local.fss.command_line.run import Run, pass_run
from local.fss.command_line.values import AMOUNT, PORT, Kind, number_between
from local.fss.deployment.outcome import Exit
from local.gemini.api.admin import parse_rules
from local.stack.options import FAST_TIER, FirestoreKind, Quota
from shared.domain.metadata.path_template import PathTemplate
from shared.domain.source.ignored_names import BUILT_IN, checked_rule
from shared.domain.source.path_glob import PathGlob
from shared.domain.throttle.tiers import load_tiers, tier_named

DEFAULT_TIME_SCALE = 10.0
MAX_TIME_SCALE = 100

FAULT = '{"kind": "unavailable", "route": "files.*", "rate": 0.02}'
"""A fault of the simulator, as an example."""

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def _template(text: str) -> str:
    PathTemplate.parse(text)
    return text


def _glob(text: str) -> str:
    PathGlob.parse(text)
    if "," in text:
        raise ValueError(f"{text!r} contains a comma; give each pattern with an option of its own")
    return text


def _faults(text: str) -> str:
    try:
        parse_rules(json.loads(text))
    except json.JSONDecodeError:
        raise ValueError(f"{text!r} is no JSON; for example {FAULT}") from None
    return text


_PARTS = "The deployment"
_SERVICE = "The service"

_OPTIONS = (
    click.argument("source", type=click.Path(path_type=Path), help="The folder of documents."),
    option(
        "--tier",
        section=_PARTS,
        type=Kind("TIER", tier_named),
        metavar="TIER",
        help=f"Quota tier: {', '.join(load_tiers())}.  [default: {FAST_TIER}; with --real it is "
        "asked for]",
    ),
    option(
        "--path-template",
        section=_PARTS,
        type=Kind("TEMPLATE", _template),
        metavar="TEMPLATE",
        help="How to read metadata from names.",
    ),
    *(
        option(
            name,
            section=_PARTS,
            type=Kind("GLOB", _glob),
            multiple=True,
            metavar="GLOB",
            help=f"{text} names that match; may be given more than once.",
        )
        for name, text in (("--include", "Sync only"), ("--exclude", "Skip"))
    ),
    option(
        "--not-ignored",
        section=_PARTS,
        type=Kind("NAME", checked_rule),
        multiple=True,
        metavar="NAME",
        help=f"Sync a name that is ignored otherwise: {', '.join(BUILT_IN)}.",
    ),
    option(
        "--follow-links",
        section=_PARTS,
        is_flag=True,
        help="Also take what links outside SOURCE lead to; else leave it out, and say so.",
    ),
    option(
        "--max-cost-per-day",
        section=_PARTS,
        type=AMOUNT,
        metavar="USD",
        help="What the imports of a day may cost in US dollars; the rest waits.",
    ),
    option(
        "--state",
        section=_PARTS,
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Keep all data in DIR, and continue from it in a later run.",
    ),
    option(
        "--time-scale",
        section=_PARTS,
        type=number_between(1, MAX_TIME_SCALE, "X"),
        default=DEFAULT_TIME_SCALE,
        metavar="X",
        help="Divides waiting times but not request rates.",
    ),
    option(
        "--firestore",
        section=_PARTS,
        type=click.Choice([kind.value for kind in FirestoreKind]),
        default=FirestoreKind.EMBEDDED.value,
        help="embedded: a server of this program; emulator: Google's, which needs Java and "
        "answers the web pages of any origin.",
    ),
    option(
        "--real",
        section=_SERVICE,
        is_flag=True,
        help="Use the real service, with the key in GEMINI_API_KEY.",
    ),
    option(
        "--quota",
        section=_SERVICE,
        type=click.Choice([quota.value for quota in Quota]),
        default=Quota.EXACT.value,
        help="What the simulator enforces: exact: the tier's rate; off: nothing.",
    ),
    option(
        "--seed",
        section=_SERVICE,
        type=int,
        default=0,
        metavar="N",
        help="Seed of the simulator's random numbers.",
    ),
    option(
        "--faults",
        section=_SERVICE,
        type=Kind("JSON", _faults),
        metavar="JSON",
        help="Faults of the simulator: a rule or a list of rules.",
    ),
)


def _stack_options(function: Decorated) -> Decorated:
    """Add the folder, and the options of a stack on this machine."""
    for add in reversed(_OPTIONS):
        function = add(function)
    return function


@command(
    examples=(
        "fss local documents",
        "fss local documents --state state",
        "fss local documents --real --tier tier1 --state state",
    )
)
@_stack_options
@mode_options
@request_options
@dry_run_option
@option("--keep", is_flag=True, help="Keep the stack running until Ctrl-C.")
@pass_run
def local(run: Run, /, *, keep: bool, **options: Any) -> Exit:  # noqa: ANN401 - as declared above
    """Sync the folder SOURCE once, through a whole deployment on this machine."""
    from local.fss import whole_stack  # noqa: PLC0415 - its import takes a second

    stack = {name: options.pop(name) for name in whole_stack.Asked.names()}
    return whole_stack.local(whole_stack.Asked(**stack), options, run.output, keeps=keep)


@command(examples=("fss up documents", "fss up documents --state state --port 8080"))
@_stack_options
@option("--port", type=PORT, metavar="P", help="Port of the status function; else any free one.")
@pass_run
def up(run: Run, /, *, port: int | None, **options: Any) -> Exit:  # noqa: ANN401
    """Start all parts on this machine, with the folder SOURCE in the bucket; keep them running."""
    from local.fss import whole_stack  # noqa: PLC0415 - as above

    return whole_stack.up(whole_stack.Asked(**options, port=port), run.output)
