"""How a local stack is set up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from shared.domain.throttle.tiers import Tier, load_tier_table

GEMINI_KEY = "GEMINI_API_KEY"
"""The environment variable with the key of the real service."""


class Quota(StrEnum):
    """What the simulated service does about too many requests."""

    OFF = "off"
    EXACT = "exact"


def enforced_per_minute(tier: Tier) -> int:
    """Return the metered requests the simulator lets through in any 60 s, if it is exact.

    A sliding minute of an evenly paced stream holds one request more than its rate says; the
    twentieth is what the pacing may be off by.
    """
    return math.ceil(1.05 * tier.rpm) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOptions:
    """How a stack is set up.

    Attributes:
        tier: The quota tier of the deployment.
        time_scale: Divides cooldowns, claims, lease, ticks, backoff, and the time the simulated
            service takes. Request rates and quotas stay per real minute.
        state: The folder to go on with and to leave everything in; None keeps nothing.
        quota: What the simulated service enforces.
        seed: Of the simulated service's jitter and faults.
        faults: Faults of the simulated service, as its ``--faults`` takes them.
        real: Use the real service, with the key in GEMINI_API_KEY, instead of the simulator.
        status_port: The port of the status function; None takes a free one.
        deployment: The deployment's name, for a state that has none yet.
        settings: Further environment variables of the functions, such as PATH_TEMPLATE.
    """

    tier: Tier = field(default_factory=lambda: load_tier_table().default_tier)
    time_scale: float = 10.0
    state: Path | None = None
    quota: Quota = Quota.EXACT
    seed: int = 0
    faults: str | None = None
    real: bool = False
    status_port: int | None = None
    deployment: str = "local"
    settings: Mapping[str, str] = field(default_factory=dict)
