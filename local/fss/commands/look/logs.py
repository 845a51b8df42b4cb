"""The command `logs`."""

from __future__ import annotations

from pathlib import Path

import click

from local.fss.command_line.command import command, option
from local.fss.command_line.options import batch_argument, deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.command_line.values import COUNT
from local.fss.deployment.logs import cloud_lines, folder_lines
from local.fss.deployment.outcome import Exit, Failure
from local.fss.report.log_lines import log_lines

MOST = 500
"""Lines that are read unless more are asked for."""


@command(examples=("fss logs", "fss logs 20260102-030405-1a2b3c", "fss logs --state state"))
@batch_argument
@deployment_options
@option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Read the logs in the state of an fss local or fss up instead.",
)
@option("--limit", type=COUNT, default=MOST, metavar="N", help="Read at most N lines.")
@pass_run
def logs(run: Run, batch: str | None, *, state: Path | None, limit: int) -> Exit:
    """Show what the functions logged about a batch; without BATCH, about the latest one.

    For a deployment, your own gcloud reads Cloud Logging.
    """
    if state is not None:
        found = folder_lines(state, batch)[-limit:] if limit else []
    else:
        batch = batch or _latest(run)
        found = cloud_lines(batch, run.place().project, limit)
    run.output.answer(
        {"batch_id": batch, "lines": found}, "\n".join(log_lines(found)) or "No line."
    )
    return Exit.IN_STEP


def _latest(run: Run) -> str:
    for batch in run.deployment().batches(1):
        return str(batch["batch_id"])
    raise Failure(Exit.USAGE, "this deployment has had no batch yet")
