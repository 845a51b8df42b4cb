"""Formats earlier batches, one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.printable import printable_values

_DONE = ("indexed", "deleted", "failed")


def history_lines(batches: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield one line about the result of each batch."""
    for batch in map(printable_values, batches):
        parts = [str(batch["status"]).replace("_", " ")]
        if batch.get("dry_run"):
            parts[0] += " (dry run)"
        parts.append(str(batch["mode"]).replace("_", " "))
        parts += [f"{batch[name]} {name}" for name in _DONE if batch[name]]
        if drift := batch.get("drift"):
            parts.append(f"store {drift:+} documents")
        if message := batch.get("message"):
            parts.append(str(message))
        yield f"  {batch['batch_id']}  {'; '.join(parts)}"
