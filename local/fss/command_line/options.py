"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from local.fss.command_line.command import option
from local.fss.command_line.run import PROFILE, VARIABLES, Run
from local.fss.command_line.values import AMOUNT, COUNT
from local.fss.deployment.outcome import Failure
from local.fss.deployment.profile import found_profiles
from shared.domain.batch.kinds import DeletePolicy, SyncMode

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_DEPLOYMENT = "The deployment"
_SYNC = "The sync"


_TEXTS = {
    "dispatcher": ("--dispatcher", "URL", "URL of the dispatcher."),
    "status": ("--status", "URL", "URL of the status function."),
    "token_command": (
        "--token-command",
        "COMMAND",
        "Program that prints a bearer token; {audience} in it is the URL that is called.",
    ),
}


def deployment_options(function: Decorated) -> Decorated:
    """Add the options that name a deployment; ``Run`` keeps their values."""
    for attribute, (name, metavar, text) in reversed(_TEXTS.items()):
        function = option(
            name,
            attribute,
            section=_DEPLOYMENT,
            envvar=VARIABLES[attribute],
            show_envvar=True,
            metavar=metavar,
            expose_value=False,
            callback=_kept,
            help=text,
        )(function)
    return profile_option(function)


def profile_option(function: Decorated) -> Decorated:
    """Add the option that names a profile; ``Run`` keeps its value."""
    return option(
        "--profile",
        section=_DEPLOYMENT,
        envvar=PROFILE,
        show_envvar=True,
        metavar="NAME",
        expose_value=False,
        callback=_kept,
        shell_complete=_profiles,
        help="The deployment of this name in fss.toml; see fss init.",
    )(function)


def _profiles(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    try:
        known = found_profiles(Path.cwd()).known
    except Failure:
        return []
    return [name for name in known if name.startswith(incomplete)]


def ask_option(function: Decorated) -> Decorated:
    """Add the option that names the ask function."""
    add = option(
        "--ask",
        section=_DEPLOYMENT,
        envvar=VARIABLES["ask"],
        show_envvar=True,
        metavar="URL",
        expose_value=False,
        callback=_kept,
        help="URL of the ask function.",
    )
    return add(function)


def _kept(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    """Give a value that names a deployment to the run."""
    run = ctx.find_object(Run)
    if run is not None and value and parameter.name:
        setattr(run, parameter.name, value)


def batch_argument(function: Decorated) -> Decorated:
    """Add the id of a batch, which may be left out."""
    add = click.argument("batch", required=False, metavar="[BATCH]", help="The id of a batch.")
    return add(function)


def request_options(function: Decorated) -> Decorated:
    """Add the options of a sync request, but for its mode."""
    for add in reversed(
        (
            option("--prefix", section=_SYNC, metavar="P", help="Sync only names that begin so."),
            option(
                "--delete-policy",
                section=_SYNC,
                type=click.Choice([policy.value for policy in DeletePolicy]),
                help="Delete the documents of removed files, or never; default: the deployment's.",
            ),
            option(
                "--max-deletes",
                section=_SYNC,
                type=COUNT,
                metavar="N",
                help="Refuse to delete more than N documents.",
            ),
            option(
                "--max-imports",
                section=_SYNC,
                type=COUNT,
                metavar="N",
                help="Refuse to import more than N files.",
            ),
            option(
                "--max-estimated-cost",
                section=_SYNC,
                type=AMOUNT,
                metavar="USD",
                help="Refuse to import for more than USD US dollars, as estimated.",
            ),
            option(
                "--force",
                section=_SYNC,
                is_flag=True,
                help="Do not rebuild lost records from the store.",
            ),
        )
    ):
        function = add(function)
    return function


def dry_run_option(function: Decorated) -> Decorated:
    """Add the option to report only."""
    text = "Report what the sync would do and cost, and change nothing."
    return option("--dry-run", section=_SYNC, is_flag=True, help=text)(function)


def mode_options(function: Decorated) -> Decorated:
    """Add the mode of a sync request."""
    modes = option(
        "--mode",
        section=_SYNC,
        type=click.Choice([mode.value for mode in SyncMode]),
        default=SyncMode.INCREMENTAL.value,
        help="What to compare and what to do again.",
    )
    new_store = option(
        "--new-store", section=_SYNC, is_flag=True, help="Fill a new store; needs --mode full."
    )
    return modes(new_store(function))


def watch_option(function: Decorated) -> Decorated:
    """Add the option to watch a batch until it ends."""
    text = "Show progress until the batch ends, and end with its exit code."
    return option("--watch", is_flag=True, help=text)(function)
