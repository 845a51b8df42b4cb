"""The commands that start a sync of a deployment: `sync`, `retry` and `reconcile`."""

from __future__ import annotations

import sys
from typing import Any

import click

from local.fss.command_line.command import command
from local.fss.command_line.options import (
    deployment_options,
    mode_options,
    request_options,
    watch_option,
)
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure
from local.fss.follow import follow
from local.fss.sync import request_of
from local.printable import printable, printable_values
from shared.domain.batch.kinds import BatchStatus, SyncMode


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
    try:
        started = deployment.start(request_of(request))
    except Failure as refused:
        running = refused.details.get("batch_id")
        if refused.exit_code != Exit.REFUSED or not isinstance(running, str):
            raise
        return _running(run, deployment, running, watched=watched)
    if watched:
        return follow(deployment, started["batch_id"], run.output, run.called)
    shown = printable_values(started)
    link = shown.get("status_url") or "it is on its way"
    follows = f"{run.called} watch {shown['batch_id']}"
    run.output.answer(started, f"Batch {shown['batch_id']} has started: {link}\n{follows}")
    return Exit.IN_STEP


def _running(run: Run, deployment: Deployment, batch_id: str, *, watched: bool) -> Exit:
    """Another batch is in the way: say what to do, or offer to watch it.

    Raises:
        Failure: Nobody wants to watch it, or it is paused.
    """
    paused = _is_paused(deployment, batch_id)
    shown = printable(batch_id)
    asks = watched and not paused and sys.stdin.isatty() and sys.stderr.isatty()
    if asks and click.confirm(
        f"Batch {shown} is running already. Watch it?", default=True, err=True
    ):
        return follow(deployment, batch_id, run.output, run.called)
    first = f"{run.called} resume" if paused else f"{run.called} watch"
    raise Failure(
        Exit.REFUSED,
        f"batch {shown} is {'paused' if paused else 'running'}, and no other starts before it is "
        f"over: {first} {shown}, or {run.called} cancel {shown}",
        batch_id=batch_id,
    )


def _is_paused(deployment: Deployment, batch_id: str) -> bool:
    """Whether the batch is paused; the status function may be unknown, or out of reach."""
    try:
        return bool(deployment.batch(batch_id)["status"] == BatchStatus.PAUSED)
    except Failure:
        return False
