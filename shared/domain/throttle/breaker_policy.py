"""The breaker's thresholds and times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.time_scale import FixedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When the breaker opens, how long it stays open, and how the learned factor changes.

    Attributes:
        window_size: How many of the latest entries are counted; missing ones count as successes.
        throttle_threshold: 429s in the window that open the breaker (5 of 100 are 5 %).
        consecutive_threshold: 429s in a row, counted from the newest entry, that open it.
        cooldown: Time in OPEN; doubles each time that probes fail and reopen the breaker. For the
            same time after a cut, FAILED documents are not counted: they were imported before it.
        cooldown_cap: The longest cooldown that doubling leads to. A longer Retry-After still wins.
        default_hold: Length of the hold after a 429 without a Retry-After.
        retry_after_cap: The longest Retry-After that is followed. A 429 for the daily quota sets
            a hold of its own, see ``holds``.
        half_open_probes: Probes let through in HALF_OPEN; all must succeed.
        permit_lifetime: A probe without a result is given up after this time, which is longer
            than a function may run.
        open_slowdown: In OPEN, spacing is longer by this factor.
        half_open_slowdown: In HALF_OPEN, spacing is longer by this factor; in CLOSED it is 1.
        factor_cut: A cut multiplies the learned factor by this (0.7, as in botocore).
        heeded_share: At or above this share of 429s, always cut the factor. At twice the allowed
            rate, about half the calls get a 429; 429s with other causes are far rarer.
        alike_share: Compares the share of 429s in OPEN with that in CLOSED. At or above this
            ratio, the rate is not the cause: if it were, nearly all 429s would end at a third of
            the rate. One half leaves room for chance on either side.
        trial_time: How long calls must come at the allowed rate to settle it: a minute, over which
            the service counts, and what a minute's last calls may be late.
        trial_calls: The least number of calls that settle a rate.
        trial_pause_cap: After a failed trial the next one waits for two cooldowns, and twice as
            long after each further one, up to this. It bounds how long a lifted limit goes unused.
        least_step: The least step of a trial. A settled factor that is so much below the limit
            wastes 2 % of the preset at most.
        factor_growth: A trial multiplies the factor by this where nothing has been refused.
        factor_floor: The least learned factor.
        least_utilisation: Calls settle a rate only if they came at this share of it or more.
        storm_threshold: 5xx replies, with no success between them, that open the breaker.
        storm_span: Time within which they must come. It is long enough for the free tier at its
            slowest (a request every two minutes).
        storm_spacing: 5xx replies closer together than this count as one, so that a short outage
            is no storm and the record is not written for each reply.
        failed_documents_threshold: FAILED documents, within the time that the latest window took,
            that cut the factor. At two metered requests per document, 20 in a window of 100 are
            two documents in five. In one report 84 of 100 failed without a single 429.
        window_retention: Time after which the database may drop a window entry; never scaled.
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
    trial_time: timedelta = timedelta(seconds=75)
    trial_calls: int = 10
    trial_pause_cap: timedelta = timedelta(minutes=20)
    least_step: float = 0.02
    factor_growth: float = 1.25
    factor_floor: float = 0.1
    least_utilisation: float = 0.5
    storm_threshold: int = 5
    storm_span: timedelta = timedelta(minutes=10)
    storm_spacing: timedelta = timedelta(seconds=1)
    failed_documents_threshold: int = 20
    window_retention: FixedTime = timedelta(hours=48)

    def __post_init__(self) -> None:
        """Check that the numbers agree with each other.

        Raises:
            ValueError: Names every rule that is broken.
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
            "0 < trial_time": zero < self.trial_time,
            "1 <= trial_calls <= window_size": 1 <= self.trial_calls <= self.window_size,
            "cooldown <= trial_pause_cap": self.cooldown <= self.trial_pause_cap,
            "0 < least_step <= 1": 0 < self.least_step <= 1,
            "1 < factor_growth": self.factor_growth > 1,
            "0 < least_utilisation <= 1": 0 < self.least_utilisation <= 1,
        }
        broken = [rule for rule, kept in rules.items() if not kept]
        if broken:
            raise ValueError("the breaker policy breaks these rules: " + "; ".join(broken))
