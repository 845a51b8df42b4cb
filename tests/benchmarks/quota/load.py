"""A sync against a service that refuses some calls, in virtual time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

from shared.domain.batch.batch import Batch
from shared.domain.batch.request import SyncRequest
from shared.domain.errors import Throttled
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.tiers import tier_named
from shared.gateways.database.records import BREAKER, batch_path
from tests.benchmarks.quota.service import METERED
from tests.world import World, rules

POLLS = ("get_file", "get_operation", "get_document", "delete_file")

MOST = timedelta(hours=22)
"""A run is stopped after this time, before its batch would be closed for its age."""


class Service(Protocol):
    def refuses(self, call: str, now: datetime) -> bool:
        """Whether the call gets a 429."""


class SteadyShare:
    """Refuses a random share of the calls, whatever their rate."""

    def __init__(self, share: float, calls: tuple[str, ...] = METERED, seed: int = 1) -> None:
        self._share = share
        self._calls = calls
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def refuses(self, call: str, _now: datetime) -> bool:
        return call in self._calls and self._chance.random() < self._share


class TokenBucket:
    """Refuses metered calls beyond ``rpm`` a minute; it saves up the calls of ``burst``."""

    def __init__(self, rpm: float, burst: timedelta = timedelta(seconds=10)) -> None:
        self._per_second = rpm / 60
        self._most = max(1.0, self._per_second * burst.total_seconds())
        self._tokens = self._most
        self._at: datetime | None = None

    def refuses(self, call: str, now: datetime) -> bool:
        if call not in METERED:
            return False
        passed = (now - self._at).total_seconds() if self._at else 0.0
        self._at = now
        self._tokens = min(self._most, self._tokens + passed * self._per_second)
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False


@dataclass(frozen=True)
class Journal:
    """What happened during a sync.

    Attributes:
        requests: Each metered request's time, and whether it was refused.
        breaker: The breaker's record after each change.
        finished: Whether the batch was over in time.
    """

    requests: list[tuple[datetime, bool]]
    breaker: list[BreakerState]
    finished: bool

    def settled(self) -> Journal:
        """The later half of the requests."""
        return Journal(self.requests[len(self.requests) // 2 :], self.breaker, self.finished)

    @property
    def refused(self) -> int:
        return sum(refused for _, refused in self.requests)

    @property
    def refused_share(self) -> float:
        return self.refused / len(self.requests)

    @property
    def minutes(self) -> float:
        """Minutes from the first metered request to the last."""
        return (self.requests[-1][0] - self.requests[0][0]).total_seconds() / 60

    @property
    def rate(self) -> float:
        """Metered requests served per minute."""
        return (len(self.requests) - self.refused) / self.minutes

    @property
    def openings(self) -> int:
        """How often the breaker opened."""
        return sum(before.opened_at != after.opened_at for before, after in pairwise(self.breaker))

    @property
    def least_factor(self) -> float:
        return min(state.learned_factor for state in self.breaker)


def sync(tier: str, files: int, service: Service) -> Journal:
    """Sync ``files`` new files; only the pacing makes the sync wait."""
    given = rules(tier=tier_named(tier), max_imports_in_progress=files)
    world = World(given)
    world.put({f"{number:05}.md": f"content of {number}" for number in range(files)})
    requests: list[tuple[datetime, bool]] = []

    def on_call(call: str) -> None:
        name, _, moment = call.partition(":")
        if moment != "enter":
            return
        refused = service.refuses(name, world.clock.now())
        if name in METERED:
            requests.append((world.clock.now(), refused))
        if refused:
            raise Throttled(name)

    world.gemini.on_call = on_call
    batch = world.start(SyncRequest())
    end = world.clock.now() + MOST
    breaker, is_over = [BreakerState()], False
    while not is_over and world.clock.now() < end:
        world.step()
        state = world.records.get(BreakerState, BREAKER).record
        if state is not None and state != breaker[-1]:
            breaker.append(state)
        is_over = world.records.get(Batch, batch_path(batch.batch_id)).present.status.is_terminal
    return Journal(requests, breaker, is_over)
