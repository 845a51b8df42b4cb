"""The faults that may occur in one run, drawn from its seed.

A few kinds of faults at a high rate find more than all kinds at a low rate. So each seed has its
own selection (swarm testing), its own rates, and its own frequency of switching between actors.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """A fault of one call, import or delivery, or of the service for some time."""

    # At any call.
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    PAUSE = "pause"
    UNAVAILABLE = "unavailable"
    # Where a call changes something.
    LOST_REPLY = "lost reply"
    LATE_EFFECT = "late effect"
    CONFLICT = "conflict"
    # Where Gemini is called.
    THROTTLED = "429"
    SERVER_ERROR = "5xx"
    QUOTA_GONE = "429 of a day, of storage or of spend"
    NOT_READY = "failed precondition"
    # Where the bucket is read.
    BUCKET_REFUSES = "403 of the bucket"
    SOURCE_BREAKS = "bucket breaks off in the middle"
    # Where the poller looks.
    HANGS = "look hangs"
    TOKEN_EXPIRED = "page token expires"
    # What becomes of uploads and imports.
    RAW_FAILS = "raw file fails"
    SLOW = "slow processing"
    SLOW_REPLY = "slow reply"
    OPERATION_HANGS = "operation hangs"
    OPERATION_FAILS = "operation fails"
    DOCUMENT_FAILS = "document fails"
    DOCUMENT_RECOVERS = "document fails, then recovers"
    BROKEN = "broken for hours"
    # Of instances.
    MANY_DIE = "an instance dies with all its calls"
    # Deliveries and ticks.
    DUPLICATE = "duplicate delivery"
    LATE = "late delivery"
    LOST_TASK = "lost task"
    LOST_ANSWER = "lost acknowledgement"
    EXTRA_TICK = "extra tick"
    MISSED_TICK = "missed tick"
    # Of the service or the queue, for some time.
    ACCOUNT = "account refused for a while"
    STORM = "storm of 5xx"
    RATE_LIMIT = "429 for a while"
    QUEUE_PAUSED = "uploads queue paused for a while"


WINDOWS = frozenset({Fault.ACCOUNT, Fault.STORM, Fault.RATE_LIMIT, Fault.QUEUE_PAUSED})
"""Faults that last for some time."""

READS = frozenset(
    {
        *("get", "get_all", "query", "count", "sums"),
        "exists",
        *("list_objects", "stat", "stat_each", "read_heads", "open"),
        *("get_file", "get_operation", "get_document", "list_documents"),
        *("get_store", "list_stores"),
    }
)
"""Calls that change nothing."""

_THEMES = (
    {Fault.RATE_LIMIT, Fault.SLOW_REPLY, Fault.EXTRA_TICK},
    {Fault.LOST_REPLY, Fault.CRASH_AFTER, Fault.DUPLICATE},
    {Fault.PAUSE, Fault.EXTRA_TICK, Fault.LATE},
    {Fault.ACCOUNT, Fault.STORM, Fault.QUOTA_GONE},
    {Fault.BROKEN, Fault.SLOW, Fault.DUPLICATE},
    {Fault.LATE, Fault.QUEUE_PAUSED, Fault.MISSED_TICK},
    {Fault.MANY_DIE, Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.PAUSE},
    {Fault.TOKEN_EXPIRED, Fault.LOST_REPLY, Fault.LATE_EFFECT},
    {Fault.HANGS, Fault.PAUSE, Fault.DUPLICATE, Fault.SLOW},
)
"""Faults that are worst together."""


_ANY = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.PAUSE, Fault.UNAVAILABLE)
_GEMINI = (Fault.THROTTLED, Fault.SERVER_ERROR, Fault.QUOTA_GONE)


@dataclass(frozen=True)
class Trouble:
    """The faults of one run.

    Attributes:
        kinds: The faults that may occur.
        rate: Chance of a fault at a call.
        import_rate: Chance that an upload or import fails later.
        delivery_rate: Chance of a fault at a delivery or a call of Cloud Scheduler.
        switch: Chance that an actor waits at a call without a fault.
    """

    kinds: frozenset[Fault]
    rate: float
    import_rate: float
    delivery_rate: float
    switch: float

    @classmethod
    def of(cls, chance: Random) -> Trouble:
        """The faults of one seed."""
        share = chance.choice((0.0, 0.15, 0.3, 0.6))
        kinds = {kind for kind in Fault if chance.random() < share}
        kinds.add(chance.choice(list(Fault)))
        if chance.random() < 0.4:
            kinds |= chance.choice(_THEMES)
        return cls(
            kinds=frozenset(kinds),
            rate=chance.choice((0.01, 0.03, 0.06, 0.12)),
            import_rate=chance.choice((0.1, 0.3, 0.6)),
            delivery_rate=chance.choice((0.05, 0.15, 0.3)),
            switch=chance.choice((0.05, 0.2, 0.5)),
        )

    def rate_of(self, port: str, name: str) -> float:
        """Chance of a fault at this call: higher for calls that change something."""
        if port == "gemini":
            return self.rate * (6 if name in ("upload", "import_file") else 3)
        if port == "documents":
            return self.rate * (1.5 if name == "commit" else 0.4)
        return self.rate * 2

    def of_call(self, port: str, name: str, *, looks: bool) -> list[Fault]:
        """The faults that can occur at this call, which the poller makes if it ``looks``."""
        possible = list(_ANY)
        if looks and port == "gemini":
            possible.append(Fault.HANGS)
        if port == "bucket":
            possible.append(Fault.BUCKET_REFUSES)
        if port == "gemini":
            possible += _GEMINI
            if name == "import_file":
                possible.append(Fault.NOT_READY)
            if name in ("import_file", "upload"):
                possible += [Fault.LATE_EFFECT, Fault.LOST_REPLY]
            if name == "delete_document":
                possible.append(Fault.LATE_EFFECT)
            if name == "upload":
                possible.append(Fault.SOURCE_BREAKS)
        if name not in READS:
            possible.append(Fault.LOST_REPLY)
        if name == "commit":
            possible.append(Fault.CONFLICT)
        return [kind for kind in possible if kind in self.kinds]
