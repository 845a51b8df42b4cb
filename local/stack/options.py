"""The options of a local stack."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from shared.domain.throttle.tiers import Tier, default_tier

GEMINI_KEY = "GEMINI_API_KEY"
"""The environment variable that holds the key of the real service."""


FAST_TIER = "tier3"
"""The tier of the simulator unless another is given: nobody wants to wait for its quota."""


class Quota(StrEnum):
    """Whether the simulated service enforces the request quota."""

    OFF = "off"
    EXACT = "exact"


class FirestoreKind(StrEnum):
    """What serves Firestore: the server of this repository, or Google's emulator, in Java."""

    EMBEDDED = "embedded"
    EMULATOR = "emulator"


def enforced_per_minute(tier: Tier) -> int:
    """Return how many metered requests the simulator admits in any 60 s with `Quota.EXACT`.

    A sliding minute of evenly spaced requests can hold one more than the rate. The factor 1.05
    allows for uneven spacing.
    """
    return math.ceil(1.05 * tier.rpm) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """The options of a stack.

    Attributes:
        tier: The quota tier of the deployment.
        time_scale: Divides cooldowns, claims, leases, the supervisor's interval, backoffs, and the
            latencies of the simulated service. Request rates and quotas stay per real minute.
        state: The folder that keeps the run's data for the next run; None keeps nothing.
        quota: Whether the simulated service enforces the quota.
        seed: Seed of the simulated service's random numbers: jitter and faults.
        faults: Faults of the simulated service, in the form of its ``--faults`` option.
        real: Use the real service, with the key in GEMINI_API_KEY, instead of the simulator.
        status_port: The port of the status function; None takes a free one.
        asks: Whether the ask function is served.
        deployment: The deployment's name, used when the state has none yet.
        firestore: What serves Firestore.
        settings: Additional environment variables of the functions, such as PATH_TEMPLATE.
    """

    tier: Tier = field(default_factory=default_tier)
    time_scale: float = 10.0
    state: Path | None = None
    quota: Quota = Quota.EXACT
    seed: int = 0
    faults: str | None = None
    real: bool = False
    status_port: int | None = None
    asks: bool = False
    deployment: str = "local"
    firestore: FirestoreKind = FirestoreKind.EMBEDDED
    settings: Mapping[str, str] = field(default_factory=dict)
