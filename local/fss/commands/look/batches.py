"""The commands that show batches: `status` and `watch`."""

from __future__ import annotations

from local.fss.command_line.command import command
from local.fss.command_line.options import batch_argument, deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure, exit_code, is_over
from local.fss.ended import earlier_lines, report
from local.fss.follow import follow
from local.fss.report.progress_text import describe
from local.printable import printable

EARLIER = 5
"""How many earlier batches are shown below the latest."""


@command(examples=("fss status", "fss status 20260102-030405-1a2b3c --json"))
@batch_argument
@deployment_options
@pass_run
def status(run: Run, batch: str | None) -> Exit:
    """Show the progress or the result of a batch; without BATCH, of the latest one."""
    deployment = run.deployment()
    earlier = []
    if not batch:
        latest, *earlier = _latest(deployment, EARLIER + 1)
        batch = str(latest["batch_id"])
    found = deployment.batch(batch)
    if is_over(found) and not run.output.as_json:
        return report(deployment, found, run.output, earlier)
    text = [f"Batch {printable(found['batch_id'])}: {describe(found)}", *earlier_lines(earlier)]
    run.output.answer(found, "\n".join(text))
    return exit_code(found)


@command(examples=("fss watch", "fss watch 20260102-030405-1a2b3c"))
@batch_argument
@deployment_options
@pass_run
def watch(run: Run, batch: str | None) -> Exit:
    """Show the progress of any batch until it ends, and end with its exit code.

    Without BATCH, of the latest one, whoever started it. Ctrl-C stops watching; the batch goes on.
    """
    deployment = run.deployment()
    batch = batch or str(_latest(deployment, 1)[0]["batch_id"])
    return follow(deployment, batch, run.output, run.called)


def _latest(deployment: Deployment, count: int) -> list[dict[str, object]]:
    batches = deployment.batches(count)
    if not batches:
        raise Failure(Exit.USAGE, "this deployment has had no batch yet; start one with fss sync")
    return batches
