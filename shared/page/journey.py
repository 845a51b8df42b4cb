"""One file's journey: what happened to it, in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.page.headline import Tone


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, or will.

    Attributes:
        at: When, as ISO 8601.
        tone: Its colour.
        title: What.
        detail: More about it; empty if there is none.
        cost: What it cost; None if it costs nothing.
        currency: The cost's currency.
        batch_id: The batch that did it; empty if that isn't known.
    """

    at: str
    tone: Tone
    title: str
    detail: str = ""
    cost: float | None = None
    currency: str = ""
    batch_id: str = ""


def journey(file: Mapping[str, Any], imports: list[Mapping[str, Any]]) -> list[Step]:
    """The steps of a file, the latest first."""
    steps = [*_of_imports(imports), *_of_file(file)]
    return sorted(steps, key=lambda step: step.at, reverse=True)


def _of_imports(imports: list[Mapping[str, Any]]) -> Iterator[Step]:
    for each in imports:
        tokens = f"about {each['tokens']:,} tokens"
        cost = (each["estimated_cost"], each["currency"], each["batch_id"])
        yield Step(each["created_at"], Tone.NONE, "Import sent", tokens, *cost)
        if each["completed_at"] is None:
            continue
        if each["state"] == "succeeded":
            done = Step(each["completed_at"], Tone.GOOD, "Document verified", each["document"])
        else:
            done = Step(each["completed_at"], Tone.BAD, "Import failed", each["error"])
        yield done


def _of_file(file: Mapping[str, Any]) -> Iterator[Step]:
    if file["uploaded_at"]:
        yield Step(file["uploaded_at"], Tone.NONE, "Uploaded to the service")
    if file["indexed_at"]:
        yield Step(file["indexed_at"], Tone.GOOD, "In the store")
    if file["failed_at"]:
        yield Step(file["failed_at"], Tone.BAD, "Failed", file["reason"])
    if file["eligible_at"]:
        yield Step(file["eligible_at"], Tone.WAITS, "Will be tried again")
