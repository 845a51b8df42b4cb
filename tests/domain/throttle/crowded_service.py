"""A service that fails imports beyond a bound that it doesn't tell, and a deployment that imports.

Time passes in steps of a second. Only the limit on imports in progress is the project's code.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from shared.domain.throttle import imports_limit
from shared.domain.throttle.imports_limit import Ended, ImportsLimit

START = datetime(2026, 1, 1, tzinfo=UTC)
PRESET = 50

FAILING = 0.84
"""Share of the imports beyond the bound that fail, as reported."""

Bound = Callable[[int], "int | None"]
"""The bound at a second; None for none."""


@dataclass(slots=True)
class File:
    """A file that is imported until it is indexed, or failed at or below the preset too often."""

    is_bad: bool
    failed_beside: int = 0
    failed_at: datetime | None = None
    attempts: int = 0


@dataclass(slots=True)
class _Import:
    file: File
    beside: int
    began: int
    ends: float
    fails: bool


@dataclass(slots=True)
class Outcome:
    """What became of the files.

    Attributes:
        indexed: Files indexed, by second.
        given_up: Files that failed for good.
        wasted: Imports of good files that failed.
        imports: All imports.
        limits: The limit, by second.
    """

    indexed: list[int] = field(default_factory=list)
    given_up: list[File] = field(default_factory=list)
    wasted: int = 0
    imports: int = 0
    limits: list[int] = field(default_factory=list)


def run(
    files: int,
    bound: Bound,
    *,
    seed: int = 1,
    bad: float = 0.0,
    per_second: float = 1000 / 60,
    seconds: float = 8.0,
    shared_speed: float | None = None,
    most_attempts: int = 3,
) -> Outcome:
    """Import so many files.

    Args:
        files: Their number.
        bound: Imports in progress that the service bears.
        seed: Of all that is random.
        bad: Share of the files whose every import fails.
        per_second: Imports that may begin in a second.
        seconds: Median time of an import.
        shared_speed: Imports that the service ends in a second, however many are in progress; None
            if they don't slow each other down.
        most_attempts: Failures after which a file is given up.
    """
    chance = Random(seed)  # noqa: S311 - repeatable, not secret
    ready = deque(File(chance.random() < bad) for _ in range(files))
    suspects: deque[File] = deque()
    under_way: list[_Import] = []
    state, outcome, slots = ImportsLimit(), Outcome(), 0.0
    second = 0
    while ready or suspects or under_way:
        now = START + timedelta(seconds=second)
        over = [each for each in under_way if each.ends <= second]
        under_way = [each for each in under_way if each.ends > second]
        state = imports_limit.ended(state, PRESET, [_ended(each, second) for each in over], now)
        indexed = 0
        for each in over:
            if not each.fails:
                indexed += 1
                continue
            outcome.wasted += not each.file.is_bad
            if each.beside > PRESET and not each.file.failed_beside:
                each.file.failed_beside, each.file.failed_at = each.beside, now
            else:
                each.file.attempts += 1
            if each.file.attempts == most_attempts:
                outcome.given_up.append(each.file)
            else:
                (suspects if each.file.failed_beside else ready).append(each.file)
        outcome.indexed.append(indexed)
        slots = min(slots + per_second, per_second * 2)
        if len(ready) + len(under_way) > imports_limit.limit_of(state, PRESET):
            state = imports_limit.tried(state, PRESET, per_second, now)
        while slots >= 1 and (ready or suspects):
            size = len(under_way) + 1
            if suspects and size <= PRESET:
                file = suspects.popleft()
            elif ready and size <= imports_limit.allowed(state, PRESET):
                file = ready.popleft()
            else:
                break
            slots -= 1
            outcome.imports += 1
            state = imports_limit.begun(state, PRESET, [size])
            most = bound(second)
            crowded = most is not None and size > most and chance.random() < FAILING
            took = seconds if shared_speed is None else max(seconds, size / shared_speed)
            ends = second + took * chance.lognormvariate(0, 0.3)
            under_way.append(_Import(file, size, second, ends, crowded or file.is_bad))
        outcome.limits.append(imports_limit.limit_of(state, PRESET))
        second += 1
    return outcome


def _ended(each: _Import, second: int) -> Ended:
    file = each.file
    return Ended(
        each.beside, second - each.began, not each.fails, file.failed_beside, file.failed_at
    )
