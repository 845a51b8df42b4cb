"""Measures one run of the whole stack in real time, and checks its request rate."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.http import fetched
from local.processes.children import CouldNotRun
from local.rate.request_rate import RequestRate, surplus
from local.stack import task_queues
from local.stack.local_stack import LocalStack
from local.stack.options import Quota, StackOptions, enforced_per_minute
from shared.domain.throttle.tiers import Tier

LEAST_UTILISATION = 0.95
METERED_PER_FILE = 2
SPARE = 1.5
"""How many times more files are generated than can be synced, so that the work does not run out."""

COLLECT_EVERY = 5.0
"""Seconds between readings of the logs, which keep only the latest 10,000 entries."""

SETTLE = 60.0
"""Seconds that dispatches in progress may take to end after the queue is paused."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of measuring one tier.

    Attributes:
        tier: The tier that was measured.
        rate: The rate of metered requests, including refused ones.
        throttled: The number of 429 answers to any request.
        dispatched: The time at which each dispatch of the uploads queue began.
        slowest: The duration of the longest of these dispatches, in seconds.
    """

    tier: Tier
    rate: RequestRate
    throttled: int
    dispatched: Sequence[float]
    slowest: float

    def missed(self) -> Iterator[str]:
        """Yield a description of each bound that was missed."""
        if self.throttled:
            yield f"{self.throttled} requests were answered with 429"
        if (least := self.rate.least_utilisation()) < LEAST_UTILISATION:
            yield f"the slowest minute used {least:.3f} of the rate, less than {LEAST_UTILISATION}"
        if ahead := max(0, surplus(self.dispatched, self.rate.times)):
            yield f"{ahead} requests had no dispatch of their own"
        if len(self.dispatched) != len(self.rate.times):
            yield "the numbers of dispatches and of metered requests differ"

    def lines(self) -> Iterator[str]:
        """Yield the report, line by line."""
        rate, allowed = self.rate, enforced_per_minute(self.tier)
        yield f"{self.tier.name}: {rate.per_minute} metered requests a minute"
        yield f"  429s seen                    {self.throttled}"
        yield f"  requests, minute by minute   {' '.join(map(str, rate.minutes()))}"
        yield f"  least utilisation            {rate.least_utilisation():.3f} (from minute 2)"
        yield f"  most in any 60 s             {rate.peak()} of {allowed} allowed"
        yield f"  dispatches, uploads queue    {len(self.dispatched)}"
        yield f"  slowest of them              {self.slowest:.1f} s"
        yield f"  metered requests             {len(rate.times)}"
        for problem in self.missed():
            yield f"  MISSED: {problem}"


class Measurement:
    """A measurement of one stack.

    Args:
        tier: The tier to measure.
        minutes: The duration, from the first metered request.
        cancelled: Ends the measurement early when set.
    """

    def __init__(self, tier: Tier, minutes: float, cancelled: threading.Event) -> None:
        self._tier = tier
        self._seconds = minutes * 60
        self._cancelled = cancelled
        self._requests: dict[int, dict[str, Any]] = {}
        self._dispatches: dict[tuple[object, ...], dict[str, Any]] = {}

    def run(self) -> Measured:
        """Measure; raise `CouldNotRun` if a part of the stack fails or the work runs out."""
        with tempfile.TemporaryDirectory(prefix="fss-rate-") as folder:
            self._write_files(Path(folder))
            options = StackOptions(tier=self._tier, time_scale=1.0, quota=Quota.EXACT)
            with LocalStack(options) as stack:
                stack.mirror(Path(folder))
                Deployment(stack.urls.dispatcher, stack.urls.status).start({})
                self._collect_until_over(stack)
                return self._measured()

    def _write_files(self, folder: Path) -> None:
        files = int(SPARE * self._tier.rpm * self._seconds / 60 / METERED_PER_FILE) + 1
        for number in range(files):
            path = folder / f"shelf-{number % 20:02}" / f"note-{number:05}.md"
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"# Note {number}\n\nIts number is {number}.\n", encoding="utf-8")

    def _collect_until_over(self, stack: LocalStack) -> None:
        over = time.monotonic() + self._seconds + SETTLE  # the first request may take this long
        while time.monotonic() < over:
            if self._cancelled.wait(COLLECT_EVERY):
                raise KeyboardInterrupt
            stack.check()
            self._collect(stack)
            if metered := self._metered():
                over = min(over, time.monotonic() - (time.time() - metered[0]) + self._seconds)
        self._until = time.time()
        self._pause(stack)
        self._collect(stack)

    def _pause(self, stack: LocalStack) -> None:
        """Pause the uploads queue and wait until no dispatch is in progress."""
        name = stack.urls.queues["uploads"]
        with task_queues.connect(stack.urls.cloud_tasks) as client:
            client.pause_queue(name=name)
        deadline = time.monotonic() + SETTLE
        while time.monotonic() < deadline:
            shown = fetched(f"{stack.urls.cloud_tasks_admin}/queues")["queues"]
            if all(queue["in_flight"] == 0 for queue in shown if queue["name"] == name):
                return
            self._cancelled.wait(0.1)
        raise CouldNotRun("dispatches of the paused uploads queue did not end")

    def _collect(self, stack: LocalStack) -> None:
        after = max(self._requests, default=0)
        log = fetched(f"{stack.urls.gemini}/_sim/requests?after={after}")["requests"]
        self._requests |= {entry["number"]: entry for entry in log}
        log = fetched(f"{stack.urls.cloud_tasks_admin}/dispatches?queue=uploads")["dispatches"]
        self._dispatches |= {(each["task"], each["dispatched_at"]): each for each in log}

    def _metered(self) -> list[float]:
        """Return the time of each metered request, in order."""
        metered = (entry for entry in self._requests.values() if entry["metered"])
        return sorted(_seconds(entry["time"]) for entry in metered)

    def _measured(self) -> Measured:
        statuses = [entry["status"] for entry in self._requests.values()]
        dispatches = self._dispatches.values()
        ended = [each for each in dispatches if each["finished_at"] is not None]
        return Measured(
            self._tier,
            RequestRate(self._metered(), self._until, self._tier.rpm),
            throttled=statuses.count(HTTPStatus.TOO_MANY_REQUESTS),
            dispatched=[each["dispatched_at"] for each in dispatches],
            slowest=max((each["finished_at"] - each["dispatched_at"] for each in ended), default=0),
        )


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
