"""The page's headline: one sentence on how store and bucket stand to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.domain.batch.left import REASON_TEXT
from shared.domain.batch.standing import StandingState
from shared.page.advice import of_hold
from shared.page.words import number


class Tone(StrEnum):
    """What a colour means."""

    GOOD = "good"
    WAITS = "waits"
    BUSY = "busy"
    BAD = "bad"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Headline:
    """The headline.

    Attributes:
        tone: Its colour and its sign.
        title: The sentence.
        why: What a person should know about it; empty if there is nothing.
        until: When a sync can go on, as ISO 8601; None if no time is known.
        started: When the sync that is under way started; None if it isn't about one.
    """

    tone: Tone
    title: str
    why: str = ""
    until: str | None = None
    started: str | None = None


def busy(told: Mapping[str, Any]) -> Headline | None:
    """The headline while a sync has files to bring or to remove; None if none has.

    ``told`` is an overview, or the part of it that changes often.
    """
    running, latest = told["running"], told["latest"]
    if running is None or latest["dry_run"]:
        return None
    left = running["progress"]["total"] - running["progress"]["done"]
    if not left:
        return None
    files = "1 file" if left == 1 else f"{number(left)} files"
    doing = "paused" if latest["status"] == "paused" else "under way"
    return Headline(
        Tone.BUSY, f"A sync is {doing}, with {files} to go", started=latest["started_at"]
    )


def headline(overview: Mapping[str, Any]) -> Headline:
    """The headline of an overview."""
    if (under_way := busy(overview)) is not None:
        return under_way
    state = overview["standing"]["state"]
    last = _last_judged(overview)
    message = str(last["message"]) if last else ""
    match state:
        case StandingState.IN_STEP:
            return Headline(Tone.GOOD, "The store is in step with the bucket", message)
        case StandingState.FILES_FAILED:
            failed = last["failed"] if last else 0
            files = "1 file" if failed == 1 else f"{number(failed)} files"
            return Headline(Tone.BAD, f"In step, except for {files} that failed", message)
        case StandingState.REFUSED:
            return Headline(Tone.BAD, "A guard refused: somebody has to decide", message)
        case StandingState.STOPPED:
            return Headline(Tone.BAD, "The last sync could not go on", message)
        case StandingState.BEHIND:
            return _behind(last, message)
        case _:
            return Headline(Tone.NONE, "Nothing was synced yet")


def _behind(last: Mapping[str, Any] | None, message: str) -> Headline:
    left = last["left"] if last else None
    files = left["files"] if left else 0
    count = "1 file waits" if files == 1 else f"{number(files)} files wait"
    reason = REASON_TEXT.get(left["reason"], "") if left and left["reason"] else ""
    if left is None or not reason:
        return Headline(Tone.WAITS, "The store is behind the bucket", message)
    told = of_hold(left["reason"]).action  # the message of a hold says the same at length
    return Headline(Tone.WAITS, f"{count}: {reason}", told or message, left["until"])


def waiting(told: Mapping[str, Any]) -> Headline:
    """What the files that wait are waiting for; ``told`` is the part of an overview as above."""
    if told["hold"] is not None:
        reason = told["hold"]["reason"]
        known = of_hold(reason)
        return Headline(Tone.WAITS, known.meaning or reason, known.action, told["hold"]["until"])
    latest = told["latest"]
    if told["running"] is not None and latest["status"] != "paused":
        return Headline(Tone.BUSY, "A sync is under way: their turn comes.")
    left = latest["left"] if latest else None
    if left and left["reason"]:
        why = REASON_TEXT.get(left["reason"], left["reason"])
        return Headline(
            Tone.WAITS, f"{why[:1].upper()}{why[1:]}.", latest["message"], left["until"]
        )
    return Headline(Tone.NONE, "The next sync goes on with them.", until=told["next_run"])


def _last_judged(overview: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The batch by which the standing was judged."""
    checked = overview["standing"]["checked_at"]
    batches = overview["batches"]
    return next((each for each in batches if checked and each["completed_at"] == checked), None)
