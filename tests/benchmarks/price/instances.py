"""How long instances are billed for the requests that they serve.

An instance is billed from its start, and while it serves any request; several share it. What an
instance has is read from ``terraform/instances.json``, which Terraform deploys.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from local.packaging import ROOT
from shared.domain.throttle.tiers import Tier
from tests.rated_world import Span

STEP = timedelta(milliseconds=100)
"""Billed time is rounded up to a multiple of it."""

IDLE = timedelta(minutes=15)
"""How long an instance without requests is kept, at most."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a function's instances are: Terraform sets these.

    Attributes:
        vcpu, gib: CPUs and memory.
        concurrency: Requests at once.
        start: Seconds of a whole CPU from a request that finds no instance until a new one serves
            it.
        work: Seconds of a whole CPU that a request takes besides its waiting.
    """

    vcpu: float
    gib: float
    concurrency: int
    start: float
    work: float = 0.0


START, WORK = 3.0, 0.03
"""Assumed: see ``Kind``."""

_GIB = {"512Mi": 0.5, "1Gi": 1.0}


def kinds(tier: Tier) -> Mapping[str, Kind]:
    """The instances that Terraform deploys at a tier, by function: see ``terraform/queues.tf``."""
    sizes = json.loads((ROOT / "terraform" / "instances.json").read_text("utf-8"))
    upload = "third" if tier.rpm < sizes["third_below_rpm"] else "whole"
    return {"dispatcher": _kind(sizes["dispatcher"]), "upload": _kind(sizes[upload])}


def _kind(size: Mapping[str, Any]) -> Kind:
    return Kind(size["cpu"], _GIB[size["memory"]], size["concurrency"], START, WORK)


@dataclass(slots=True)
class _Instance:
    """Ends of the requests it serves, and since when it is busy."""

    ends: list[datetime] = field(default_factory=list)
    busy_since: datetime | None = None
    busy_until: datetime | None = None

    def free_places(self, at: datetime, concurrency: int) -> int:
        self.ends = [end for end in self.ends if end > at]
        return concurrency - len(self.ends)


@dataclass(frozen=True, slots=True)
class Billed:
    """What is billed: seconds of busy instances, and of their starts."""

    busy: float
    starting: float


def billed(spans: Iterable[Span], kind: Kind) -> Billed:
    """What one function's requests are billed.

    A request goes to the instance that was started first among those with a free place, so that
    few are busy; else a new one starts. Google does not promise that: it is the cheapest way.
    """
    instances: list[_Instance] = []
    busy, starts = timedelta(0), 0
    for span in sorted(spans, key=lambda each: each.began):
        began, ended = span.began, span.ended + timedelta(seconds=kind.work / kind.vcpu)
        chosen = next(
            (each for each in instances if each.free_places(began, kind.concurrency) > 0), None
        )
        if chosen is None or (chosen.busy_until and began - chosen.busy_until > IDLE):
            starts += 1
        if chosen is None:
            chosen = _Instance()
            instances.append(chosen)
        chosen.ends.append(ended)
        if chosen.busy_until is None or chosen.busy_since is None or began > chosen.busy_until:
            busy += _of(chosen)
            chosen.busy_since, chosen.busy_until = began, ended
        else:
            chosen.busy_until = max(chosen.busy_until, ended)
    busy += sum(map(_of, instances), timedelta(0))
    return Billed(busy.total_seconds(), starts * kind.start / kind.vcpu)


def _of(instance: _Instance) -> timedelta:
    """The billed time of its current busy period."""
    if instance.busy_since is None or instance.busy_until is None:
        return timedelta(0)
    return math.ceil((instance.busy_until - instance.busy_since) / STEP) * STEP
