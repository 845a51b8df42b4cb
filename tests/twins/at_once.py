"""In-memory twin of calls that are made at once: here they come one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from shared.domain.errors import SyncError, Unavailable
from shared.gateways.at_once import NO_ANSWER

T = TypeVar("T")


class Hangs(Exception):
    """A call has no answer in the time that calls which are made at once are given."""


def one_by_one(
    calls: Sequence[Callable[[], T]],
    within: timedelta,  # noqa: ARG001 - no call takes time by itself
) -> list[T | Exception]:
    """What each call returns or raises; a defect of the code is not kept for the caller."""
    answers: list[T | Exception] = []
    for call in calls:
        try:
            answers.append(call())
        except Hangs:
            answers.append(Unavailable("gemini.look", status=NO_ANSWER))
        except SyncError as error:
            answers.append(error)
    return answers
