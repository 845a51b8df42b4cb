"""The rules of a deployment as one value: its settings, and the times derived from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.batch.lease import LeasePolicy
from shared.domain.deployment.settings import Settings
from shared.domain.file.file_policy import FilePolicy
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.holds import HoldPolicy
from shared.domain.throttle.late_starts import START_WAIT
from shared.domain.throttle.spacing import Start

TICK = timedelta(seconds=60)
"""Period of Cloud Scheduler: the longest time between two calls of the supervisor."""

NUDGE = timedelta(seconds=10)
"""Events within this time wake the supervisor only once; within less of it at a fast tier."""

REQUESTS_PER_NUDGE = 60
"""Metered requests for which a wake-up waits: so long, slots may stay empty at a fast tier. With
100, imports would wait so long for theirs at ``tier3`` that a sixth of the slots stayed empty."""

SCAN_PATIENCE = timedelta(hours=1)
"""How long listing the bucket may fail before the batch ends."""

EVENT_PAUSE = timedelta(minutes=5)
"""The shortest time between a sync's end and one that a change in the bucket asks for."""

LOOK_GRID = timedelta(seconds=2)
"""Least time between two runs of the poller."""

MOST_LOOK_GRID = timedelta(seconds=20)
"""Longest time between the points at which the poller may run; a slow tier has few files."""

REQUESTS_PER_LOOK = 10
"""Metered requests for which the poller waits, to look after several files in each run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One deployment's rules.

    Attributes:
        settings: The settings that people choose.
        file: Times and limits of a file's upload and import.
        breaker: Thresholds and times of the circuit breaker.
        holds: How long each kind of hold lasts.
        lease: Times of the writer's lease.
        start: How metered requests start after a pause.
        max_raw_bytes: The most bytes that may be uploaded and not yet imported; the Files API
            holds 20 GB per project.
        page_size: Number of objects in a scan page: what two commits hold beside the fence. With
            the first object of the next page they are one page of the bucket's listing.
        scan_patience: If no page could be listed for this long, the batch ends.
        work_budget: Time after which a function leaves the rest of its work to a new task.
        least_look_grid: Least time between two runs of the poller.
        most_look_grid: Longest time between the points at which the poller may run.
        start_wait: How long a metered delivery waits for a start if some come late, at most.
        tick: Period of Cloud Scheduler.
        nudge: Events within this time wake the supervisor only once.
        event_pause: The shortest time between a sync's end and one that the bucket asks for.
        batch_max_age: Age at which a batch ends and leaves the rest to the next one.
        retention: How long batches and ledger entries are kept.
    """

    settings: Settings
    file: FilePolicy = field(default_factory=FilePolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    holds: HoldPolicy = field(default_factory=HoldPolicy)
    lease: LeasePolicy = field(default_factory=LeasePolicy)
    start: Start = field(default_factory=Start)
    max_raw_bytes: int = 2_000_000_000
    page_size: int = 998
    scan_patience: timedelta = SCAN_PATIENCE
    work_budget: timedelta = timedelta(seconds=240)
    least_look_grid: timedelta = LOOK_GRID
    most_look_grid: timedelta = MOST_LOOK_GRID
    start_wait: timedelta = START_WAIT
    tick: timedelta = TICK
    nudge: timedelta = NUDGE
    event_pause: timedelta = EVENT_PAUSE
    batch_max_age: timedelta = timedelta(hours=23)
    retention: timedelta = timedelta(days=90)

    @property
    def pump_horizon(self) -> timedelta:
        """How far ahead metered requests are planned: two ticks, since one may be missed."""
        return self.tick * 2

    @property
    def look_grid(self) -> timedelta:
        """Time between the points at which the poller may run."""
        return min(self._time_of(REQUESTS_PER_LOOK), self.most_look_grid)

    @property
    def nudge_span(self) -> timedelta:
        """Time within which the supervisor is woken once."""
        return min(self._time_of(REQUESTS_PER_NUDGE), self.nudge)

    def _time_of(self, requests: int) -> timedelta:
        """Time that so many metered requests take, or the least between two runs of the poller."""
        several = timedelta(seconds=60 / self.settings.tier.rpm) * requests
        return max(several, self.least_look_grid)
