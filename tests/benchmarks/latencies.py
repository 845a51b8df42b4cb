"""A service whose calls take time, on a virtual clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar, cast

from shared.domain.errors import SyncError
from shared.gateways.at_once import MOST_AT_ONCE
from shared.gateways.database.records import Records
from tests.rated_world import RatedWorld
from tests.simulation.faults.faulty_ports import Call, GatedPort

T = TypeVar("T")

DATABASE = 0.015
TASKS = 0.02
BUCKET = 0.05
GEMINI = 0.25
METERED = {"upload": 1.0, "import_file": 0.7}
"""Seconds that a call takes; of Gemini if it is none of these, ``GEMINI``."""

ROUNDED_TO = 0.1
"""Seconds; each request is billed for a multiple of them."""


class Latencies:
    """Lets each call of a world's ports take its time. Calls made at once overlap."""

    def __init__(self, rated: RatedWorld) -> None:
        self._rated = rated
        self._at_once: float | None = None
        world = rated.world
        queues = cast("Any", GatedPort("queues", world.queues, self))
        documents = cast("Any", GatedPort("documents", world.documents, self))
        world.use(
            replace(
                world.context,
                records=Records(documents, world.clock),
                bucket=cast("Any", GatedPort("bucket", world.bucket, self)),
                gemini=cast("Any", GatedPort("gemini", world.gemini, self)),
                queues=queues,
                at_once=self.at_once,
            )
        )

    def __call__(self, call: Call, effect: Callable[[], T]) -> T:
        """Let a call take its time."""
        seconds = _seconds(call)
        if self._at_once is None:
            self._rated.stage.sleep(seconds)
        else:
            self._at_once += seconds
        return effect()

    def at_once(self, calls: Sequence[Callable[[], T]], within: timedelta) -> list[T | Exception]:
        """Make calls which overlap, ``MOST_AT_ONCE`` at a time."""
        assert within
        answers: list[T | Exception] = []
        took: list[float] = []
        for call in calls:
            self._at_once = 0.0
            try:
                answers.append(call())
            except SyncError as error:
                answers.append(error)
            took.append(self._at_once)
        self._at_once = None
        groups = range(0, len(took), MOST_AT_ONCE)
        self._rated.stage.sleep(sum(max(took[n : n + MOST_AT_ONCE]) for n in groups))
        return answers

    def billed(self) -> float:
        """Seconds of all calls of the functions, each rounded up."""
        took = [(end - begin).total_seconds() for begin, end in self._rated.spans]
        return sum(math.ceil(round(each / ROUNDED_TO, 6)) * ROUNDED_TO for each in took)

    def overlapping(self) -> float:
        """Seconds in which any call ran: what one instance that runs them all is billed for."""
        total, until = timedelta(0), None
        for begin, end in sorted(self._rated.spans):
            if until is None or begin > until:
                total, until = total + (end - begin), end
            elif end > until:
                total, until = total + (end - until), end
        return total.total_seconds()


def _seconds(call: Call) -> float:
    match call.port:
        case "documents":
            return DATABASE
        case "queues":
            return TASKS
        case "bucket":
            return BUCKET
    return METERED.get(call.name, GEMINI)
