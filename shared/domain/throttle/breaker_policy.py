"""The breaker's numbers, checked once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.time_scale import FixedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When the breaker opens, how long it stays so, and how the learned factor moves.

    Attributes:
        window_size: Latest entries looked at; an empty place counts as a success.
        throttle_threshold: 429s in the window that open the breaker (5 of 100 are 5 %).
        consecutive_threshold: 429s in a row, newest first, that open it.
        cooldown: Time in OPEN; doubles each time a probe finds the service no better. Also the
            time after a cut for which FAILED documents, imported before it, are not counted.
        cooldown_cap: The doubling's end. A longer Retry-After still wins.
        default_hold: Hold after a 429 that names no Retry-After.
        retry_after_cap: Longest Retry-After believed; a day's quota is a hold of its own.
        half_open_probes: Probes let through in HALF_OPEN; all must succeed.
        permit_lifetime: After this a probe is given up; longer than a function may run.
        open_slowdown: How much longer spacing grows in OPEN.
        half_open_slowdown: The same in HALF_OPEN; in CLOSED it is 1.
        factor_cut: The learned factor is multiplied by this (as botocore's 0.7).
        heeded_share: So large a share of 429s always costs a cut. A limit of half the rate
            throttles about as many; strays of any other cause are far fewer.
        alike_share: A trickle that meets 429s at least so often, relative to the calls of
            CLOSED, shows that the rate is not the cause. If it is, a third of the rate ends
            nearly all of them; halfway leaves room for chance on either side.
        factor_step: Added back after a clean window: one cut is earned back in six.
        factor_floor: The learned factor's least value.
        least_utilisation: A window slower than this share of the allowed rate proves
            nothing about that rate, and earns nothing.
        storm_threshold: 5xx replies, none followed by a success, that open the breaker.
        storm_span: Time in which they must fall. Long, so that even the free tier at its
            slowest (a request every two minutes) has its storms seen.
        storm_spacing: 5xx replies closer together count as one: a blip is no storm, and the
            record is not written for each of them.
        failed_documents_threshold: FAILED documents within the time of the latest window
            that cut the factor. At two metered requests per document, 20 of 100 are two
            documents in five; a report has 84 of 100 failing without a single 429.
        window_retention: When the store may drop a window entry; never scaled.
    """

    window_size: int = 100
    throttle_threshold: int = 5
    consecutive_threshold: int = 3
    cooldown: timedelta = timedelta(seconds=300)
    cooldown_cap: timedelta = timedelta(hours=1)
    default_hold: timedelta = timedelta(seconds=10)
    retry_after_cap: timedelta = timedelta(days=1)
    half_open_probes: int = 3
    permit_lifetime: timedelta = timedelta(minutes=10)
    open_slowdown: float = 3.0
    half_open_slowdown: float = 1.5
    factor_cut: float = 0.7
    heeded_share: float = 1 / 3
    alike_share: float = 0.5
    factor_step: float = 0.05
    factor_floor: float = 0.1
    least_utilisation: float = 0.5
    storm_threshold: int = 5
    storm_span: timedelta = timedelta(minutes=10)
    storm_spacing: timedelta = timedelta(seconds=1)
    failed_documents_threshold: int = 20
    window_retention: FixedTime = timedelta(hours=48)

    def __post_init__(self) -> None:
        """Refuse numbers that contradict each other.

        Raises:
            ValueError: Names every rule broken.
        """
        zero = timedelta(0)
        rules = {
            "1 <= consecutive_threshold <= window_size": (
                1 <= self.consecutive_threshold <= self.window_size
            ),
            "1 < throttle_threshold <= window_size": (
                1 < self.throttle_threshold <= self.window_size
            ),
            "1 <= half_open_probes": self.half_open_probes >= 1,
            "1 <= storm_threshold": self.storm_threshold >= 1,
            "1 <= failed_documents_threshold": self.failed_documents_threshold >= 1,
            "0 < cooldown <= cooldown_cap": zero < self.cooldown <= self.cooldown_cap,
            "0 < default_hold <= cooldown": zero < self.default_hold <= self.cooldown,
            "default_hold <= retry_after_cap": self.default_hold <= self.retry_after_cap,
            "0 < permit_lifetime": zero < self.permit_lifetime,
            "0 <= storm_spacing x storm_threshold < storm_span": (
                zero <= self.storm_spacing * self.storm_threshold < self.storm_span
            ),
            "48 h <= window_retention": self.window_retention >= timedelta(hours=48),
            "1 <= half_open_slowdown <= open_slowdown": (
                1 <= self.half_open_slowdown <= self.open_slowdown
            ),
            "0 < factor_floor <= 1": 0 < self.factor_floor <= 1,
            "0 < factor_cut < 1": 0 < self.factor_cut < 1,
            "0 < heeded_share <= 1": 0 < self.heeded_share <= 1,
            "0 < alike_share <= 1": 0 < self.alike_share <= 1,
            "0 < factor_step <= 1": 0 < self.factor_step <= 1,
            "0 < least_utilisation <= 1": 0 < self.least_utilisation <= 1,
        }
        broken = [rule for rule, kept in rules.items() if not kept]
        if broken:
            raise ValueError("breaker policy must keep: " + "; ".join(broken))
