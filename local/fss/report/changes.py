"""Formats the names of what a dry run would change, as `diff` shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.printable import printable_values
from shared.domain.figures import amount, roughly

_SIGNS = {"new": "+", "changed": "~", "metadata_changed": "~", "removed": "-"}


def change_lines(
    changes: Sequence[Mapping[str, Any]], unlisted: int, batch: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a line for each file, then what they come to."""
    for each in printable_values(changes):
        note = "  (metadata)" if each["change"] == "metadata_changed" else ""
        yield f"{_SIGNS.get(each['change'], '?')} {each['path']}{note}"
    if unlisted:
        yield f"and {unlisted} more with long names"
    batch = printable_values(batch)
    if changes or unlisted:
        yield ""
    if message := batch.get("message"):
        yield str(message)
    if (estimate := batch.get("estimate")) is None:
        return
    if not has_work(estimate):
        yield "Nothing to import or remove."
        return
    retried = f" ({estimate['retries']} of them failed before)" if estimate["retries"] else ""
    price = ""
    if estimate["cost"] is not None:
        price = f", for an estimated {amount(estimate['cost'])} {estimate['currency']}"
    yield (
        f"{estimate['files']} to import{retried}, {estimate['removals']} to remove; "
        f"about {roughly(estimate['seconds'])} at the tier's rate{price}"
    )


def has_work(estimate: Mapping[str, Any]) -> bool:
    """Whether a sync would do anything."""
    return bool(estimate["files"] or estimate["removals"])
