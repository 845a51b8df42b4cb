"""Formats earlier batches, one line each, and what they came to together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.fss.report.progress_text import moment
from local.printable import printable_values
from shared.domain.figures import amount, duration

FOUND = ("new", "changed", "metadata_changed", "removed")
DONE = ("indexed", "deleted", "failed")


def history_lines(batches: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one line about the result of each batch."""
    for batch in map(printable_values, batches):
        parts = [str(batch["status"]).replace("_", " ")]
        if batch.get("dry_run"):
            parts[0] += " (dry run)"
        parts.append(str(batch["mode"]).replace("_", " "))
        parts += [f"{batch[name]} {name}" for name in DONE if batch[name]]
        if drift := batch.get("drift"):
            parts.append(f"store {drift:+} documents")
        if (took := batch.get("duration_seconds")) is not None:
            parts.append(f"took {duration(took)}" if batch.get("completed_at") else "not over")
        if message := batch.get("message"):
            parts.append(str(message))
        yield f"  {batch['batch_id']}  {'; '.join(parts)}"


def changed_since(batches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What these batches, the latest first, found, did and cost together; dry runs aside.

    ``failed`` is the number of files that are failed now, which the latest batch tells.
    """
    real = [batch for batch in batches if not batch.get("dry_run")]
    counted = {name: sum(batch[name] for batch in real) for name in (*FOUND, "indexed", "deleted")}
    return {
        "batches": len(real),
        **counted,
        "failed": real[0]["failed"] if real else 0,
        "estimated_cost": sum(batch.get("estimated_cost") or 0 for batch in real),
    }


def changed_lines(since: str, together: Mapping[str, Any]) -> Iterator[str]:
    """Yield what changed since a time in ISO 8601."""
    batches = "1 batch" if together["batches"] == 1 else f"{together['batches']} batches"
    yield f"Since {moment(since)}: {batches}"
    found = (f"{together[name]} {name.replace('_', ' ')}" for name in FOUND)
    yield f"  found    {', '.join(found)}"
    done = f"{together['indexed']} indexed, {together['deleted']} deleted"
    yield f"  did      {done}; {together['failed']} failed now"
    if cost := together["estimated_cost"]:
        yield f"  cost     {amount(cost)} USD, as estimated"
