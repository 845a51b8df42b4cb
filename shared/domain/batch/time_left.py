"""How long the files of a running batch will take."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from shared.domain.throttle.spacing import spacing

MEASURED_FROM: Final = 10
"""Finished files from which the rate so far says anything."""

BELIEVED: Final = 3
"""How much longer than the tier's rate allows the rate so far may make it.

The rate so far has the scan and the wait for the first imports in it. Early in a batch it would
tell hours where minutes are left.
"""


def time_left(
    *,
    waiting: int,
    under_way: int,
    done: int,
    elapsed: timedelta,
    preset_rate: int | None,
    slowdown: float,
) -> timedelta | None:
    """The time until all files are done, or None if nothing is known.

    Args:
        waiting: Files that need both metered requests.
        under_way: Files in progress, counted with one metered request each.
        done: Files that the batch has finished.
        elapsed: The time for which the batch has run.
        preset_rate: Metered requests a minute of the tier; None if it is not known.
        slowdown: By what factor the breaker slows them down.
    """
    left = waiting + under_way
    if not left:
        return timedelta(0)
    measured = elapsed / done * left if done >= MEASURED_FROM else None
    if preset_rate is None:
        return measured
    planned = spacing(preset_rate, slowdown) * (2 * waiting + under_way)
    return planned if measured is None else min(max(planned, measured), planned * BELIEVED)
