"""The subcommands that talk to a deployment, wherever it runs."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from local.fss.client import Deployment, TokenCommand
from local.fss.outcome import Exit, Failure, exit_code, is_over
from local.fss.output import Output
from local.fss.progress import describe
from local.fss.summary import complete_summary, failure_lines, summary_text
from local.fss.sync import request_of, watch

LATEST = 20
"""Batches looked through for one that is not over."""


def sync(arguments: Namespace, output: Output) -> Exit:
    """Start a sync, and with --watch follow it."""
    deployment = _deployment(arguments)
    started = deployment.start(request_of(arguments))
    if not arguments.watch:
        link = started.get("status_url") or f"fss status {started['batch_id']}"
        output.answer(started, f"Batch {started['batch_id']} has started: {link}")
        return Exit.IN_STEP
    with output.display() as display:
        batch = watch(deployment, started["batch_id"], display)
    return report(deployment, batch, output, dry_run=arguments.dry_run)


def status(arguments: Namespace, output: Output) -> Exit:
    """Show a batch."""
    deployment = _deployment(arguments)
    batch = deployment.batch(arguments.batch or _latest(deployment)["batch_id"])
    if is_over(batch) and not arguments.json:
        return report(deployment, batch, output)
    output.answer(batch, f"Batch {batch['batch_id']}: {describe(batch)}")
    return exit_code(batch)


def failures(arguments: Namespace, output: Output) -> Exit:
    """List the files that failed."""
    deployment = _deployment(arguments)
    batch_id = arguments.batch or _latest(deployment)["batch_id"]
    failed = list(deployment.files(batch_id, "failed"))
    text = "\n".join(failure_lines(failed)) if failed else "No file has failed."
    output.answer({"batch_id": batch_id, "failures": failed}, text)
    return Exit.NOT_IN_STEP if failed else Exit.IN_STEP


def order(arguments: Namespace, output: Output) -> Exit:
    """Cancel, pause or resume a batch."""
    deployment = _deployment(arguments)
    batch_id = arguments.batch or _unfinished(deployment)["batch_id"]
    answer = deployment.order(batch_id, arguments.command)
    output.answer(answer, f"Batch {batch_id}: {answer['status']}")
    return Exit.IN_STEP


def store(arguments: Namespace, output: Output) -> Exit:
    """Show which store to search in, or end a change of it."""
    deployment = _deployment(arguments)
    if arguments.order:
        answer = deployment.change_store(arguments.order)
        done = f"Dropped {answer['dropped']}" if "dropped" in answer else f"Now {answer['store']}"
        output.answer(answer, done)
        return Exit.IN_STEP
    names = deployment.store()
    labels = {"store": "search in", "next_store": "being filled", "previous_store": "to be dropped"}
    lines = [f"{label}: {names[name]}" for name, label in labels.items() if names[name]]
    output.answer(names, "\n".join(lines) or "There is no store yet: sync first.")
    return Exit.IN_STEP


def report(
    deployment: Deployment, batch: dict[str, Any], output: Output, *, dry_run: bool = False
) -> Exit:
    """Give out the summary of a batch that is over; returns what it says."""
    summary = complete_summary(deployment, batch)
    output.answer(summary, summary_text(summary, message=batch.get("message", ""), dry_run=dry_run))
    return exit_code(summary)


def _deployment(arguments: Namespace) -> Deployment:
    token = arguments.token_command and TokenCommand(arguments.token_command)
    return Deployment(arguments.dispatcher, arguments.status, token or None)


def _latest(deployment: Deployment) -> dict[str, Any]:
    for batch in deployment.batches(1):
        return batch
    raise Failure(Exit.USAGE, "this deployment has had no batch yet")


def _unfinished(deployment: Deployment) -> dict[str, Any]:
    for batch in deployment.batches(LATEST):
        if not is_over(batch):
            return batch
    raise Failure(Exit.USAGE, "no batch is under way")
