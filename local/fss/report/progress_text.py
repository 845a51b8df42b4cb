"""The words and figures of a batch's progress: on one line, or to fit a terminal's width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from local.fss.deployment.outcome import is_over
from local.printable import printable_values
from shared.domain.batch.kinds import BatchPhase, BatchStatus, SyncMode
from shared.domain.figures import roughly

BAR: Final = 5
"""Columns that the bar has at least, if any shorter wording of the figures leaves it so many."""

_SEPARATOR = " · "

_PREPARATION = {
    BatchPhase.PREPARING: "finding the store",
    BatchPhase.RECONCILING: "listing the store",
}


class Steady:
    """Keeps the number of files of a watched batch from wobbling.

    A file that fails leaves the counts of a running batch, and counts are read one after the other.
    So once all of the bucket has been scanned, the number of files never falls.
    """

    def __init__(self) -> None:
        self._of: tuple[object, ...] = ()
        self._most = 0

    def __call__(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the batch as it is shown."""
        progress = batch["progress"]
        of = (batch["batch_id"], batch["phase"])
        if of != self._of or is_over(batch):
            self._of, self._most = of, 0
        self._most = max(self._most, progress["total"])
        return {**batch, "progress": {**progress, "total": self._most}}


def describe(batch: Mapping[str, Any]) -> str:
    """Return a batch's progress as one line."""
    batch = printable_values(batch)
    parts = [_heading(batch), *filter(None, _figures(batch)), *_facts(batch)]
    requests = batch["requests"]
    parts.append(f"requests {requests['metered']} metered, {requests['throttled']} throttled")
    if message := batch.get("message"):
        parts.append(message)
    return "; ".join(parts)


def bar_texts(batch: Mapping[str, Any], width: int) -> Sequence[str]:
    """Return what stands before the bar, and what stands behind it, for so many columns.

    The longest wording that leaves the bar ``BAR`` columns; if there is none, the shortest.
    """
    batch = printable_values(batch)
    heading = _heading(batch)
    count, left = _figures(batch)
    wordings = (
        (heading, count, left),
        (heading, count.removesuffix(" files").removesuffix(" listed"), left),
        (
            heading,
            count.removesuffix(" files").removesuffix(" objects listed"),
            left.removeprefix("about "),
        ),
        (heading.rpartition(_SEPARATOR)[2], count.partition(" ")[0], ""),
    )
    shown: tuple[str, ...] = ()
    for wording in wordings:
        shown = (wording[0], *filter(None, wording[1:]))
        if sum(len(text) + 1 for text in shown) + BAR <= width:
            break
    return shown


def fact_line(batch: Mapping[str, Any], width: int) -> str:
    """Return what else matters of a batch, the most important first, as far as there is room."""
    batch = printable_values(batch)
    requests = batch["requests"]
    facts = [*_facts(batch), f"{requests['metered']} requests"]
    if requests["throttled"]:
        facts.append(f"{requests['throttled']} throttled")
    line = ""
    for fact in facts:
        longer = f"{line}{_SEPARATOR}{fact}" if line else fact
        if line and len(longer) > width:
            break
        line = longer
    return line


def attempts(file: Mapping[str, Any]) -> str:
    """Return how often a file was tried."""
    return "1 attempt" if file["attempts"] == 1 else f"{file['attempts']} attempts"


def moment(text: str) -> str:
    """Return a time in ISO 8601 as a person reads it: to the minute, in UTC."""
    try:
        return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


def state_of(batch: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the values whose change is shown immediately."""
    hold = batch.get("hold") or {}
    return (
        batch["status"],
        batch["phase"],
        batch["breaker"]["state"],
        hold.get("reason"),
        batch.get("message"),
    )


def _heading(batch: Mapping[str, Any]) -> str:
    """The status of a batch that rests, else its phase; before it the mode, if it is not usual."""
    rests = is_over(batch) or batch["status"] == BatchStatus.PAUSED
    state = str(batch["status"] if rests else batch["phase"]).replace("_", " ")
    mode = str(batch["mode"])
    return state if mode == SyncMode.INCREMENTAL else f"{mode.replace('_', ' ')}{_SEPARATOR}{state}"


def _figures(batch: Mapping[str, Any]) -> tuple[str, str]:
    """What is done, and what time is left; each empty if it is not known."""
    progress = batch["progress"]
    count = left = ""
    if progress["total"]:
        count = f"{progress['done']} of {progress['total']} files"
    elif batch["scanned"]:
        count = f"{batch['scanned']} objects listed"
    if (seconds := progress["eta_seconds"]) and batch["status"] == BatchStatus.RUNNING:
        left = f"about {roughly(seconds)} left"
    return count, left


def _facts(batch: Mapping[str, Any]) -> Iterator[str]:
    """What else matters, the most important first."""
    progress = batch["progress"]
    if hold := batch.get("hold"):
        until = f" until {moment(hold['until'])}" if hold.get("until") else ""
        yield f"on hold{until}: {hold['reason'].replace('_', ' ')}"
    if (state := batch["breaker"]["state"]) != "closed":
        yield f"breaker {state.replace('_', ' ')}"
    if not is_over(batch) and (doing := _PREPARATION.get(batch["phase"])):
        yield doing
    if batch["failed"]:
        yield f"{batch['failed']} failed"
    if progress["in_progress"]:
        yield f"{progress['in_progress']} in progress"
    if rate := progress["indexed_per_minute"]:
        yield f"{rate:.4g} a minute"
