"""The complete summary of a sync, and its text for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.report.budget import cost_lines
from local.fss.report.dry_run import dry_run_lines
from local.fss.report.left import left_lines, rate_lines
from local.fss.report.progress_text import attempts
from local.printable import printable, printable_values

FIELDS = (
    "batch_id", "status", "mode", "trigger",
    "scanned", "new", "changed", "metadata_changed", "removed", "unchanged", "skipped",
    "young", "indexed", "deleted", "failed", "unreadable", "drift", "reconciliation", "requests",
    "started_at", "completed_at", "duration_seconds", "estimated_cost", "rate", "left", "message",
    "skips", "failures",
)  # fmt: skip
"""Fields of every summary; null if the status function is one of an earlier version without it."""

MORE_FIELDS = (
    "ignored", "set_aside", "metadata_changed_cost", "budget", "hold",
    "estimate", "samples",
)  # fmt: skip
"""Fields that not every summary has; what is null is left out."""

SHOWN = 20
"""How many failed files the text names; the others are only counted."""

EXAMPLES = 3
"""How many skipped files are named for each reason."""

_SKIP = ("path", "reason")
_FAILURE = ("path", "reason", "kind", "attempts")

_NEXT_STEPS = {
    "permanent": "the service does not accept this file; change it or its metadata",
    "exhausted": "all attempts failed; tried again after a day, or immediately with fss retry",
}


def complete_summary(deployment: Deployment, batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch's summary with all its skipped and failed files, not only samples."""
    batch_id = batch["batch_id"]
    skips = deployment.files(batch_id, "skipped") if batch["skipped"] or batch["skips"] else ()
    failures = deployment.files(batch_id, "failed") if batch["failed"] else ()
    whole = dict(batch)
    whole["skips"] = [{name: file[name] for name in _SKIP} for file in skips]
    whole["failures"] = [{name: file[name] for name in _FAILURE} for file in failures]
    return {name: whole.get(name) for name in FIELDS} | {
        name: whole[name] for name in MORE_FIELDS if whole.get(name) is not None
    }


def summary_text(summary: Mapping[str, Any], *, message: str = "", dry_run: bool = False) -> str:
    """Return the summary as text for a person."""
    shown = printable_values(summary)
    return "\n".join(_lines(shown, printable(message), dry_run=dry_run))


def _lines(summary: Mapping[str, Any], message: str, *, dry_run: bool) -> Iterator[str]:
    status = str(summary["status"]).replace("_", " ")
    kind = " (dry run)" if dry_run or "estimate" in summary else ""
    yield f"Batch {summary['batch_id']}: {status}{kind}"
    if message:
        yield f"  {message}"
    found = ["new", "changed", "metadata_changed", "removed", "unchanged", "skipped"]
    found += [kind for kind in ("young", "set_aside") if summary.get(kind)]
    scanned = "1 file" if summary["scanned"] == 1 else f"{summary['scanned']} files"
    yield f"  found    {_counts(summary, found)} of {scanned}"
    if ignored := summary.get("ignored"):
        counts = (f"{count} {rule}" for rule, count in ignored.items())
        yield f"  ignored  {', '.join(counts)}"
    if "estimate" in summary:
        yield from dry_run_lines(summary["estimate"], summary["samples"])
        return
    if dry_run:
        yield "  did      nothing: this was a dry run"
    else:
        yield f"  did      {_counts(summary, ('indexed', 'deleted', 'failed'))}"
    if summary["reconciliation"] is not None:
        counts = summary["reconciliation"].items()
        yield f"  store    {', '.join(f'{count} {kind}' for kind, count in counts)}"
    yield from cost_lines(summary)
    yield from left_lines(summary)
    yield from rate_lines(summary)
    requests = summary["requests"]
    yield f"  requests {_counts(requests, ('metered', 'throttled', 'unmetered'))}"
    if summary["skips"]:
        yield ""
        yield "Skipped"
        yield from _skips(summary["skips"])
    if summary["failures"]:
        yield ""
        yield "Failed"
        yield from failure_lines(summary["failures"])


def failure_lines(failures: Sequence[Mapping[str, Any]], *, shown: int = SHOWN) -> Iterator[str]:
    """Yield each failed file with its reason, then advice for each kind of failure."""
    for failure in map(printable_values, failures[:shown]):
        yield f"  {failure['path']}: {failure['reason']} ({failure['kind']}, {attempts(failure)})"
    if len(failures) > shown:
        yield f"  and {len(failures) - shown} more; fss failures lists all"
    for kind in sorted({str(failure["kind"]) for failure in failures}):
        if kind in _NEXT_STEPS:
            yield f"  {kind}: {_NEXT_STEPS[kind]}"


def _skips(skips: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the reasons, most common first, each with a few of its files."""
    for reason, count in Counter(str(skip["reason"]) for skip in skips).most_common():
        paths = [skip["path"] for skip in skips if skip["reason"] == reason]
        more = ", ..." if count > EXAMPLES else ""
        yield f"  {count} x {reason}: {', '.join(paths[:EXAMPLES])}{more}"


def _counts(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return ", ".join(f"{values[name]} {name.replace('_', ' ')}" for name in names)
