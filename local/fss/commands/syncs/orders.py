"""The commands that steer a batch: `cancel`, `pause` and `resume`."""

from __future__ import annotations

from local.fss.command_line.command import command
from local.fss.command_line.options import batch_argument, deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure, is_over
from local.printable import printable

LATEST = 20
"""How many batches are searched for one that is not over."""


@command()
@batch_argument
@deployment_options
@pass_run
def cancel(run: Run, batch: str | None) -> Exit:
    """Cancel a batch; the next one does the rest. Without BATCH, the one that is not over."""
    return _order(run, batch, "cancel")


@command()
@batch_argument
@deployment_options
@pass_run
def pause(run: Run, batch: str | None) -> Exit:
    """Pause a batch until it is resumed. Without BATCH, the one that is not over."""
    return _order(run, batch, "pause")


@command()
@batch_argument
@deployment_options
@pass_run
def resume(run: Run, batch: str | None) -> Exit:
    """Resume a paused batch. Without BATCH, the one that is not over."""
    return _order(run, batch, "resume")


def unfinished(deployment: Deployment) -> str:
    """The id of the batch that is not over.

    Raises:
        Failure: There is none.
    """
    for batch in deployment.batches(LATEST):
        if not is_over(batch):
            return str(batch["batch_id"])
    raise Failure(Exit.USAGE, "no batch is in progress; fss status shows the latest")


def _order(run: Run, batch: str | None, verb: str) -> Exit:
    deployment = run.deployment()
    batch = batch or unfinished(deployment)
    answer = deployment.order(batch, verb)
    run.output.answer(answer, printable(f"Batch {batch}: {answer['status']}"))
    return Exit.IN_STEP
