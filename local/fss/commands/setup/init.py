"""The command `init`."""

from __future__ import annotations

from pathlib import Path

import click

from local.fss.command_line.command import command, option
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.client import checked_url
from local.fss.deployment.outcome import Exit, Failure
from local.fss.deployment.profile import FILE, KEYS
from local.fss.deployment.profile_file import write_profile
from local.fss.deployment.terraform_outputs import profile_of
from local.fss.deployment.token import EXAMPLE
from local.printable import printable

NAME = "default"
"""The profile's name if none is given."""


@command(
    examples=(
        "fss init --from-terraform terraform",
        "fss init prod --from-terraform terraform --default",
        "fss init dev --dispatcher https://... --status https://...",
    )
)
@click.argument("name", default=NAME, help="The name of the profile.")
@option(
    "--from-terraform",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Take the URLs and the project from the outputs of Terraform in DIR.",
)
@option("--dispatcher", metavar="URL", help="URL of the dispatcher.")
@option("--status", metavar="URL", help="URL of the status function.")
@option("--ask", metavar="URL", help="URL of the ask function.")
@option(
    "--token-command",
    metavar="COMMAND",
    help="Program that prints a bearer token; {audience} in it is the URL that is called. "
    f"[default: {EXAMPLE}; none for a deployment on this machine]",
)
@option("--project", metavar="ID", help="The project, for fss logs.")
@option("--default", is_flag=True, help="Use this profile unless another is named.")
@pass_run
def init(
    run: Run, /, name: str, *, folder: Path | None, default: bool, **given: str | None
) -> Exit:
    """Write the profile NAME of a deployment into fss.toml in this folder.

    All commands then find it there, and in the folders below. What else the file holds stays.
    """
    values = {} if folder is None else profile_of(folder)
    values |= {key: value for key in KEYS if (value := given.get(key))}
    missing = [f"--{key}" for key in ("dispatcher", "status") if not values.get(key)]
    if missing:
        raise Failure(
            Exit.USAGE, f"give --from-terraform DIR, or {' and '.join(missing)} of the deployment"
        )
    for key in ("dispatcher", "status", "ask"):
        if key in values:
            values[key] = checked_url(values[key])
    if values["dispatcher"].startswith("https:"):
        values.setdefault("token_command", EXAMPLE)
    path = Path.cwd() / FILE
    write_profile(path, name, values, is_default=default)
    named = "" if name == NAME or default else f" --profile {name}"
    text = f"{path} has the profile {name}. Look whether all is in order: fss{named} doctor"
    run.output.answer({"file": str(path), "profile": name, **values}, printable(text))
    return Exit.IN_STEP
