"""The subcommands that call a deployment, wherever it runs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from local.fss.deployment.client import Deployment, TokenCommand
from local.fss.deployment.outcome import Exit, Failure, exit_code, is_over
from local.fss.output import Output
from local.fss.report.history import history_lines
from local.fss.report.progress import describe
from local.fss.report.summary import complete_summary, failure_lines, summary_text
from local.fss.sync import GENTLE, request_of, watch
from local.printable import printable, printable_values

EARLIER = 5
"""How many earlier batches are shown below the latest."""

LATEST = 20
"""How many batches are searched for one that is not over."""


def sync(arguments: Namespace, output: Output) -> Exit:
    """Start a sync; with --watch, show its progress until it ends."""
    deployment = _deployment(arguments)
    started = deployment.start(request_of(arguments))
    if not arguments.watch:
        shown = printable_values(started)
        link = shown.get("status_url") or f"fss status {shown['batch_id']}"
        output.answer(started, f"Batch {shown['batch_id']} has started: {link}")
        return Exit.IN_STEP
    with output.display() as display:
        batch = watch(deployment, started["batch_id"], display, slowest=GENTLE)
    return report(deployment, batch, output)


def status(arguments: Namespace, output: Output) -> Exit:
    """Show a batch; without an id, the latest batch and the results of earlier ones."""
    deployment = _deployment(arguments)
    earlier = []
    batch_id = arguments.batch
    if not batch_id:
        latest, *earlier = _latest(deployment, EARLIER + 1)
        batch_id = latest["batch_id"]
    batch = deployment.batch(batch_id)
    if is_over(batch) and not arguments.json:
        return report(deployment, batch, output, earlier)
    text = [f"Batch {printable(batch['batch_id'])}: {describe(batch)}", *_history(earlier)]
    output.answer(batch, "\n".join(text))
    return exit_code(batch)


def failures(arguments: Namespace, output: Output) -> Exit:
    """List the files that failed."""
    failed = list(_deployment(arguments).failures())
    text = "\n".join(failure_lines(failed, shown=len(failed))) or "No file has failed."
    output.answer({"failures": failed}, text)
    return Exit.NOT_IN_STEP if failed else Exit.IN_STEP


def order(arguments: Namespace, output: Output) -> Exit:
    """Cancel, pause or resume a batch."""
    deployment = _deployment(arguments)
    batch_id = arguments.batch or _unfinished(deployment)["batch_id"]
    answer = deployment.order(batch_id, arguments.command)
    output.answer(answer, printable(f"Batch {batch_id}: {answer['status']}"))
    return Exit.IN_STEP


def store(arguments: Namespace, output: Output) -> Exit:
    """Show which store to search in, or finish replacing it."""
    deployment = _deployment(arguments)
    if arguments.order:
        answer = deployment.change_store(arguments.order)
        done = f"Dropped {answer['dropped']}" if "dropped" in answer else f"Now {answer['store']}"
        output.answer(answer, printable(done))
        return Exit.IN_STEP
    names = deployment.store()
    labels = {"store": "search in", "next_store": "being filled", "previous_store": "to be dropped"}
    lines = [printable(f"{label}: {names[name]}") for name, label in labels.items() if names[name]]
    output.answer(names, "\n".join(lines) or "There is no store yet: sync first.")
    return Exit.IN_STEP


def report(
    deployment: Deployment,
    batch: dict[str, Any],
    output: Output,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> Exit:
    """Print the summary of a batch that is over; return its exit code."""
    summary = complete_summary(deployment, batch)
    message, dry_run = batch.get("message", ""), batch.get("dry_run", False)
    text = [summary_text(summary, message=message, dry_run=dry_run), *_history(earlier)]
    output.answer(summary, "\n".join(text))
    return exit_code(summary)


def _history(earlier: Sequence[Mapping[str, Any]]) -> list[str]:
    return ["", "Earlier", *history_lines(earlier)] if earlier else []


def _deployment(arguments: Namespace) -> Deployment:
    token = arguments.token_command and TokenCommand(arguments.token_command)
    return Deployment(arguments.dispatcher, arguments.status, token or None)


def _latest(deployment: Deployment, count: int) -> list[dict[str, Any]]:
    batches = deployment.batches(count)
    if not batches:
        raise Failure(Exit.USAGE, "this deployment has had no batch yet")
    return batches


def _unfinished(deployment: Deployment) -> dict[str, Any]:
    for batch in deployment.batches(LATEST):
        if not is_over(batch):
            return batch
    raise Failure(Exit.USAGE, "no batch is in progress")
