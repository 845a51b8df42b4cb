"""All that decisions depend on, as one value: the settings, and the times derived from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.batch.lease import LeasePolicy
from shared.domain.deployment.settings import Settings
from shared.domain.file.file_policy import FilePolicy
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.holds import HoldPolicy
from shared.domain.throttle.spacing import Start

TICK = timedelta(seconds=60)
"""Scheduler's period: the longest the supervisor is away."""

NUDGE = timedelta(seconds=10)
"""Events within such a span wake the supervisor once."""

SCAN_PATIENCE = timedelta(hours=1)
"""How long the bucket may fail to be listed."""

INLINE_WAIT = timedelta(seconds=3.75)
"""How long a running instance is paid to wait for Gemini, before a task waits instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One deployment's rules.

    Attributes:
        settings: What people chose.
        file: Times and bounds of a file's way through upload and import.
        breaker: Thresholds and times of the circuit breaker.
        holds: How long each kind of hold lasts.
        lease: Times of the writer's lease.
        start: How metered requests begin after a pause.
        max_raw_bytes: Bytes uploaded and not yet imported; the Files API holds 20 GB a project.
        page_size: Objects of one scan page.
        scan_patience: A scan of which no page could be listed for so long ends its batch.
        work_budget: After this a function hands its work on.
        inline_wait: How long a delivery may wait for Gemini before it hands on.
        tick: Scheduler's period.
        nudge: Nudges of one such span are one.
        batch_max_age: After this a batch closes and leaves the rest to the next.
        retention: How long batches and ledger entries are kept.
    """

    settings: Settings
    file: FilePolicy = field(default_factory=FilePolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    holds: HoldPolicy = field(default_factory=HoldPolicy)
    lease: LeasePolicy = field(default_factory=LeasePolicy)
    start: Start = field(default_factory=Start)
    max_raw_bytes: int = 2_000_000_000
    page_size: int = 1000
    scan_patience: timedelta = SCAN_PATIENCE
    work_budget: timedelta = timedelta(seconds=240)
    inline_wait: timedelta = INLINE_WAIT
    tick: timedelta = TICK
    nudge: timedelta = NUDGE
    batch_max_age: timedelta = timedelta(hours=23)
    retention: timedelta = timedelta(days=90)

    @property
    def pump_horizon(self) -> timedelta:
        """How far ahead metered requests are planned: one tick may fail to come."""
        return self.tick * 2
