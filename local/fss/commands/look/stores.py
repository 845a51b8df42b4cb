"""The command `store`."""

from __future__ import annotations

import click

from local.fss.command_line.command import command
from local.fss.command_line.options import deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.outcome import Exit
from local.printable import printable

_LABELS = {"store": "search in", "next_store": "being filled", "previous_store": "to be dropped"}
_OWNER = "owner"


@command(examples=("fss store", "fss store promote", "fss store drop"))
@click.argument(
    "order",
    required=False,
    type=click.Choice(["promote", "drop"]),
    help="promote: use the new store even if files are missing; drop: delete the old store.",
)
@deployment_options
@pass_run
def store(run: Run, order: str | None) -> Exit:
    """Show which store to search in, or finish replacing it."""
    deployment = run.deployment()
    if order:
        answer = deployment.change_store(order)
        done = f"Dropped {answer['dropped']}" if "dropped" in answer else f"Now {answer['store']}"
        run.output.answer(answer, printable(done))
        return Exit.IN_STEP
    names = deployment.store()
    lines = [printable(f"{label}: {names[name]}") for name, label in _LABELS.items() if names[name]]
    if lines and names.get(_OWNER):
        lines.append(printable(f"owner tag of the documents: {names[_OWNER]}"))
    run.output.answer(names, "\n".join(lines) or "There is no store yet: sync first.")
    return Exit.IN_STEP
