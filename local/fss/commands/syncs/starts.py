"""The commands that start a sync of a deployment: `sync`, `retry` and `reconcile`."""

from __future__ import annotations

import sys
from typing import Any

import click

from local.fss.command_line.command import command
from local.fss.command_line.options import (
    deployment_options,
    dry_run_option,
    mode_options,
    request_options,
    watch_option,
)
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.outcome import Exit
from local.fss.follow import follow
from local.fss.starting import InTheWay, started
from local.fss.sync import request_of
from local.printable import printable, printable_values
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
@dry_run_option
@watch_option
@pass_run
def sync(run: Run, /, *, watch: bool, **request: Any) -> Exit:  # noqa: ANN401 - as the options have it
    """Start a sync of a deployment."""
    return _start(run, request, watched=watch)


@command(examples=("fss retry --watch",))
@deployment_options
@request_options
@dry_run_option
@watch_option
@pass_run
def retry(run: Run, /, *, watch: bool, **request: Any) -> Exit:  # noqa: ANN401
    """Start a sync that also tries every failed file again."""
    return _start(run, {"mode": SyncMode.RETRY_FAILED.value, **request}, watched=watch)


@command(examples=("fss reconcile --dry-run", "fss reconcile --watch"))
@deployment_options
@request_options
@dry_run_option
@watch_option
@pass_run
def reconcile(run: Run, /, *, watch: bool, **request: Any) -> Exit:  # noqa: ANN401
    """Compare the store with the records, repair both, then sync."""
    return _start(run, {"mode": SyncMode.RECONCILE.value, **request}, watched=watch)


def _start(run: Run, request: dict[str, Any], *, watched: bool) -> Exit:
    deployment = run.deployment()
    try:
        answer = started(deployment, request_of(request), run.called)
    except InTheWay as other:
        if watched and not other.is_paused and _wants_to_watch(other.batch_id):
            return follow(deployment, other.batch_id, run.output, run.called)
        raise
    if watched:
        return follow(deployment, answer["batch_id"], run.output, run.called)
    shown = printable_values(answer)
    follows = f"{run.called} watch {shown['batch_id']}"
    link = shown.get("status_url") or follows
    run.output.answer(answer, f"Batch {shown['batch_id']} has started: {link}")
    return Exit.IN_STEP


def _wants_to_watch(batch_id: str) -> bool:
    """Ask the person at the terminal; nobody is asked elsewhere."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    question = f"Batch {printable(batch_id)} is running already. Watch it?"
    return click.confirm(question, default=True, err=True)
