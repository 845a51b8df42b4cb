"""The commands that start a sync of a deployment: `sync`, `retry` and `reconcile`."""

from __future__ import annotations

from typing import Any

from local.fss.command_line.command import command
from local.fss.command_line.options import (
    deployment_options,
    mode_options,
    request_options,
    watch_option,
)
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.outcome import Exit
from local.fss.ended import report
from local.fss.sync import GENTLE, request_of, watch
from local.printable import printable_values
from shared.domain.batch.kinds import SyncMode


@command(
    examples=(
        "fss sync --watch",
        "fss sync --dry-run",
        "fss sync --prefix reports/ --max-estimated-cost 5",
    )
)
@deployment_options
@mode_options
@request_options
@watch_option
@pass_run
def sync(run: Run, /, *, watch: bool, **request: Any) -> Exit:  # noqa: ANN401 - as the options have it
    """Start a sync of a deployment."""
    return _start(run, request, watched=watch)


@command(examples=("fss retry --watch",))
@deployment_options
@request_options
@watch_option
@pass_run
def retry(run: Run, /, *, watch: bool, **request: Any) -> Exit:  # noqa: ANN401
    """Start a sync that also tries every failed file again."""
    return _start(run, {"mode": SyncMode.RETRY_FAILED.value, **request}, watched=watch)


@command(examples=("fss reconcile --dry-run", "fss reconcile --watch"))
@deployment_options
@request_options
@watch_option
@pass_run
def reconcile(run: Run, /, *, watch: bool, **request: Any) -> Exit:  # noqa: ANN401
    """Compare the store with the records, repair both, then sync."""
    return _start(run, {"mode": SyncMode.RECONCILE.value, **request}, watched=watch)


def _start(run: Run, request: dict[str, Any], *, watched: bool) -> Exit:
    deployment = run.deployment()
    started = deployment.start(request_of(request))
    if not watched:
        shown = printable_values(started)
        link = shown.get("status_url") or f"fss status {shown['batch_id']}"
        run.output.answer(started, f"Batch {shown['batch_id']} has started: {link}")
        return Exit.IN_STEP
    with run.output.display() as display:
        batch = watch(deployment, started["batch_id"], display, slowest=GENTLE)
    return report(deployment, batch, run.output)
