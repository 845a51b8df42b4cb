"""The command `diff`."""

from __future__ import annotations

from typing import Any

from local.fss.command_line.command import command
from local.fss.command_line.options import deployment_options, mode_options, request_options
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.outcome import Exit, exit_code
from local.fss.follow import followed
from local.fss.report.changes import change_lines, has_work
from local.fss.starting import started
from local.fss.sync import request_of
from shared.domain.batch.kinds import BatchStatus


@command(examples=("fss diff", "fss diff --prefix reports/", "fss diff --json"))
@deployment_options
@mode_options
@request_options
@pass_run
def diff(run: Run, /, **request: Any) -> Exit:  # noqa: ANN401 - as the options have it
    """List the files that a sync would import (+ new, ~ changed) or remove (-); change nothing.

    Makes a dry run. The exit code is 1 if there is anything to do.
    """
    deployment = run.deployment()
    asked = request_of({**request, "dry_run": True})
    batch_id = started(deployment, asked, run.called)["batch_id"]
    batch = followed(deployment, batch_id, run.output, run.called)
    changes, unlisted = deployment.changes(batch_id)
    answer = {
        "batch_id": batch_id,
        "status": batch["status"],
        "message": batch.get("message", ""),
        "changes": changes,
        "unlisted": unlisted,
        "estimate": batch.get("estimate"),
    }
    run.output.answer(answer, "\n".join(change_lines(changes, unlisted, batch)))
    if batch["status"] != BatchStatus.COMPLETED:
        return exit_code(batch)
    estimate = batch.get("estimate")  # files that have failed are no work, unless they are due
    return Exit.IN_STEP if estimate and not has_work(estimate) else Exit.NOT_IN_STEP
