"""Prints the summary of a batch that is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, exit_code
from local.fss.output import Output
from local.fss.report.history import history_lines
from local.fss.report.summary import complete_summary, summary_text


def report(
    deployment: Deployment,
    batch: dict[str, Any],
    output: Output,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> Exit:
    """Print the summary of a batch that is over; return its exit code."""
    summary = complete_summary(deployment, batch)
    message, dry_run = batch.get("message", ""), batch.get("dry_run", False)
    text = [summary_text(summary, message=message, dry_run=dry_run), *earlier_lines(earlier)]
    output.answer(summary, "\n".join(text))
    return exit_code(summary)


def earlier_lines(earlier: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines about earlier batches, with a heading if there are any."""
    return ["", "Earlier", *history_lines(earlier)] if earlier else []
