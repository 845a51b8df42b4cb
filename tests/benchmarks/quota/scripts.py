"""What a user would run instead: four programs on the same service, in virtual time.

Each indexes files for as long as the run lasts. They differ in how they wait and try again.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import tenacity
from google.genai import _api_client, errors, types

from tests.benchmarks.quota import service as costs
from tests.benchmarks.quota.service import QuotaService, Refusal

T = TypeVar("T")

POLL = 5.0
"""Seconds between two looks, as in Google's own examples."""

WORKERS = 7
"""Files at once: a usual size, and that of the earlier system."""

TIMES = 5
"""How often a script tries one request before it gives the file up."""


class Refused(errors.APIError):
    """The exception of the provider's own client."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code, {"error": {"code": refusal.code, "status": refusal.name}})
        self.is_throttled = refusal is not Refusal.UNAVAILABLE


@dataclass(slots=True)
class Client:
    """The four calls that index a file.

    Attributes:
        service: Decides about each call.
        indexed: When each file was indexed.
        failed: How many files were given up.
    """

    service: QuotaService
    indexed: list[float] = field(default_factory=list)
    failed: int = 0

    async def upload(self) -> float:
        """Upload a raw file; returns when it can be imported."""
        await self._call("upload", costs.UPLOAD)
        return _now() + costs.RAW_FILE

    async def import_file(self) -> float:
        """Start an import; returns when it will be done."""
        await self._call("import_file", costs.IMPORT_CALL)
        return _now() - costs.IMPORT_CALL + self.service.behaviour.import_seconds

    async def get(self, done_at: float) -> bool:
        """Whether what is done at a time is done now."""
        await self._call("get", costs.GET)
        return _now() >= done_at

    async def _call(self, name: str, seconds: float) -> None:
        refusal = self.service.refusal(name, _now())
        await asyncio.sleep(costs.REFUSED if refusal else seconds)
        if refusal is not None:
            raise Refused(refusal)


class Program(Protocol):
    def __call__(self, client: Client, chance: random.Random) -> Coroutine[Any, Any, None]: ...


def _now() -> float:
    return asyncio.get_running_loop().time()


Call = Callable[[], Awaitable[T]]
Trying = Callable[[Call[Any]], Awaitable[Any]]


async def _index(client: Client, metered: Trying, unmetered: Trying) -> None:
    """Index one file; each call is made by way of one of two functions that may try again."""
    for call in (client.upload, client.import_file):
        done_at = await metered(call)
        while not await unmetered(partial(client.get, done_at)):  # noqa: ASYNC110 - as users do
            await asyncio.sleep(POLL)
    client.indexed.append(_now())


async def _workers(client: Client, index: Callable[[], Awaitable[None]], count: int) -> None:
    """Index file after file, so many at once; one that fails is given up."""

    async def work() -> None:
        while True:
            try:
                await index()
            except Refused:
                client.failed += 1

    await asyncio.gather(*(work() for _ in range(count)))


async def sequential(client: Client, chance: random.Random) -> None:
    """(a) One file after the other; after an error it waits for ten seconds and tries again."""
    del chance

    async def trying(call: Call[T]) -> T:
        for _ in range(TIMES - 1):
            try:
                return await call()
            except Refused:
                await asyncio.sleep(10)
        return await call()

    await _workers(client, lambda: _index(client, trying, trying), 1)


async def concurrent(client: Client, chance: random.Random) -> None:
    """(b) Seven files at once; after an error 1, 2, 4 ... seconds with jitter, a minute at most."""

    async def trying(call: Call[T]) -> T:
        for attempt in itertools.count(1):
            try:
                return await call()
            except Refused:
                if attempt == 2 * TIMES:
                    raise
                await asyncio.sleep(min(60, 2 ** (attempt - 1)) * chance.uniform(0.5, 1.5))
        raise AssertionError("it returns or raises")

    await _workers(client, lambda: _index(client, trying, trying), WORKERS)


async def official_retry(client: Client, chance: random.Random) -> None:
    """(d) Seven files at once, with the retry that is built into the provider's client."""
    del chance  # the client takes its jitter from the module ``random``, which the caller seeds
    given = _api_client.retry_args(types.HttpRetryOptions(attempts=TIMES))

    async def trying(call: Call[T]) -> T:
        async def attempt() -> T:
            return await call()

        retrying = tenacity.AsyncRetrying(**{**given, "before_sleep": None, "sleep": asyncio.sleep})
        return await retrying(attempt)

    await _workers(client, lambda: _index(client, trying, trying), WORKERS)


# --- the earlier system -----------------------------------------------------------------------


@dataclass(slots=True)
class EarlierBreaker:
    """Its breaker: no least number of calls, and one success in HALF_OPEN closes it."""

    window: deque[bool] = field(default_factory=lambda: deque(maxlen=100))
    consecutive: int = 0
    opened_at: float | None = None

    def state(self) -> str:
        if self.opened_at is None:
            return "closed"
        return "open" if _now() - self.opened_at < 300 else "half_open"

    def success(self) -> None:
        self.consecutive = 0
        if self.state() == "half_open":
            self.opened_at = None
            self.window.clear()
        self.window.append(True)

    def throttled(self) -> None:
        self.window.append(False)
        self.consecutive += 1
        share = self.window.count(False) / len(self.window)
        if share > 0.05 or self.consecutive >= 3:
            self.opened_at = _now()

    def error(self) -> None:
        self.consecutive = 0


@dataclass(slots=True)
class EarlierLimiter:
    """Its limiter: each caller waits by the latest request that it knows, so many wait alike."""

    interval: float
    breaker: EarlierBreaker
    latest: float = float("-inf")

    async def wait(self) -> None:
        slowdown = {"closed": 1.0, "half_open": 1.5, "open": 3.0}[self.breaker.state()]
        left = self.latest + self.interval * slowdown - _now()
        if left > 0:
            await asyncio.sleep(left)
        self.latest = _now()


BATCH = 150
"""Files of one of its batches; those that fail are tried once more, half a minute later."""


class Earlier:
    """(c) The limiter, the breaker and the retries of the earlier system, at this preset."""

    def __init__(self, rpm: int, client: Client, chance: random.Random) -> None:
        self._client = client
        self._chance = chance
        self._breaker = EarlierBreaker()
        self._limiter = EarlierLimiter(60 / rpm, self._breaker)

    async def run(self) -> None:
        """Batch after batch."""
        while True:
            if failures := await self._some(BATCH):
                await asyncio.sleep(30)
                self._client.failed += await self._some(failures)

    async def _some(self, count: int) -> int:
        """Index files, as many at once as the breaker recommends; returns how many failed."""
        free = asyncio.Semaphore(WORKERS if self._breaker.state() != "open" else WORKERS // 2)
        return sum(await asyncio.gather(*(self._one(free) for _ in range(count))))

    async def _one(self, free: asyncio.Semaphore) -> bool:
        async with free:
            try:
                await _index(self._client, self._metered, lambda get: get())
            except Refused:
                return True
            return False

    async def _metered(self, call: Call[T]) -> T:
        for attempt in range(TIMES):
            await self._limiter.wait()
            try:
                found = await call()
            except Refused as refused:
                (self._breaker.throttled if refused.is_throttled else self._breaker.error)()
                if attempt == TIMES - 1:
                    raise
                await asyncio.sleep(min(60, 2**attempt) + self._chance.random())
            else:
                self._breaker.success()
                return found
        raise AssertionError("it returns or raises")


def programs(rpm: int) -> dict[str, Program]:
    """The programs by their names in the tables."""
    return {
        "sequential": sequential,
        "semaphore": concurrent,
        "earlier system": lambda client, chance: Earlier(rpm, client, chance).run(),
        "client's retry": official_retry,
    }
