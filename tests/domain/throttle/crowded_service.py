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

GRACE = 300
"""Seconds until a file whose document FAILED is imported again."""

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


@dataclass
class _Deployment:
    """Begins imports as slots and the limit allow, and tells the limit how they ended."""

    bound: Bound
    chance: Random
    ready: deque[File]
    per_second: float
    seconds: float
    shared_speed: float | None
    most_attempts: int
    second: int = 0
    state: ImportsLimit = field(default_factory=ImportsLimit)
    suspects: deque[File] = field(default_factory=deque)
    graced: deque[tuple[int, File]] = field(default_factory=deque)
    under_way: list[_Import] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    slots: float = 0.0

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self.second)

    def run(self) -> Outcome:
        while self.ready or self.suspects or self.under_way or self.graced:
            self._end_imports()
            while self.graced and self.graced[0][0] <= self.second:
                file = self.graced.popleft()[1]
                (self.suspects if file.failed_beside else self.ready).append(file)
            self._begin_imports()
            self.outcome.limits.append(imports_limit.limit_of(self.state, PRESET))
            self.second += 1
        return self.outcome

    def _end_imports(self) -> None:
        over = [each for each in self.under_way if each.ends <= self.second]
        self.under_way = [each for each in self.under_way if each.ends > self.second]
        told = [_ended(each, self.second) for each in over]
        self.state = imports_limit.ended(self.state, PRESET, told, self.now)
        failed = [each for each in over if each.fails]
        self.outcome.indexed.append(len(over) - len(failed))
        for each in failed:
            self._failed(each)

    def _failed(self, each: _Import) -> None:
        file = each.file
        self.outcome.wasted += not file.is_bad
        if each.beside > PRESET and not file.failed_beside:
            file.failed_beside, file.failed_at = each.beside, self.now
        else:
            file.attempts += 1
        if file.attempts == self.most_attempts:
            self.outcome.given_up.append(file)
        else:
            self.graced.append((self.second + GRACE, file))

    def _begin_imports(self) -> None:
        self.slots = min(self.slots + self.per_second, self.per_second * 2)
        limit = imports_limit.limit_of(self.state, PRESET)
        if len(self.ready) + len(self.under_way) > limit:
            self.state = imports_limit.tried(self.state, PRESET, self.per_second, self.now)
        while self.slots >= 1 and (file := self._next_file()):
            self.slots -= 1
            self._begin(file)

    def _next_file(self) -> File | None:
        size, state = len(self.under_way) + 1, self.state
        tell = any(
            imports_limit.tells(state, each.failed_beside, each.failed_at) for each in self.suspects
        )
        if self.suspects and size <= PRESET:
            return self.suspects.popleft()
        if self.ready and size <= imports_limit.allowed(state, PRESET, suspects_wait=tell):
            return self.ready.popleft()
        return None

    def _begin(self, file: File) -> None:
        size = len(self.under_way) + 1
        self.outcome.imports += 1
        self.state = imports_limit.begun(self.state, PRESET, [size])
        most = self.bound(self.second)
        crowded = most is not None and size > most and self.chance.random() < FAILING
        speed = self.shared_speed
        took = self.seconds if speed is None else max(self.seconds, size / speed)
        ends = self.second + took * self.chance.lognormvariate(0, 0.3)
        self.under_way.append(_Import(file, size, self.second, ends, crowded or file.is_bad))


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
    return _Deployment(bound, chance, ready, per_second, seconds, shared_speed, most_attempts).run()


def _ended(each: _Import, second: int) -> Ended:
    file = each.file
    return Ended(
        each.beside, second - each.began, not each.fails, file.failed_beside, file.failed_at
    )
