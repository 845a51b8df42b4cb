"""The log of requests, which is bounded, and their counts, which are not."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from local.gemini.clock import timestamp
from local.gemini.traffic.quota import MINUTE_S, SlidingWindow
from local.gemini.wire.messages import JsonObject, without_defaults

LOG_SIZE = 10_000
MINUTES_KEPT = 10_000
TOO_MANY_REQUESTS = 429

# Headers that identify the task that sent a request.
TRACE_HEADERS = (
    "x-cloudtasks-taskname",
    "x-cloudtasks-queuename",
    "x-cloudtasks-taskretrycount",
    "x-cloud-trace-context",
    "traceparent",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request and its reply.

    Attributes:
        route: The route's name, or "unknown".
        status: The status of the reply, even of a lost reply; 0 if the request was cut off.
        resource: The file, document, operation or store it concerned; "" if unknown.
        fault: The kind of the injected fault; "" if none.
        trace: The trace headers of the request.
    """

    number: int
    time: float
    method: str
    path: str
    route: str
    metered: bool
    status: int
    resource: str
    fault: str
    trace: Mapping[str, str]

    def to_json(self) -> JsonObject:
        """Return the entry as JSON without empty fields."""
        return {
            **without_defaults(
                {
                    "number": self.number,
                    "time": timestamp(self.time),
                    "method": self.method,
                    "path": self.path,
                    "route": self.route,
                    "resource": self.resource,
                    "fault": self.fault,
                    "trace": dict(self.trace),
                }
            ),
            "metered": self.metered,
            "status": self.status,
        }


class RequestLog:
    """The request log and the counts."""

    def __init__(self, time_scale: float) -> None:
        self._minute_s = MINUTE_S / time_scale
        self.clear()

    def clear(self) -> None:
        """Delete all entries and counts."""
        self._entries: deque[Entry] = deque(maxlen=LOG_SIZE)
        self._number = 0
        self._counts: Counter[str] = Counter()
        self._routes: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._received = SlidingWindow(self._minute_s)
        self._admitted = SlidingWindow(self._minute_s)
        self._minutes: dict[int, Counter[str]] = {}

    def add(  # noqa: PLR0913 - one argument per column
        self,
        *,
        time: float,
        method: str,
        path: str,
        route: str,
        metered: bool,
        status: int,
        resource: str,
        fault: str,
        trace: Mapping[str, str],
    ) -> None:
        """Log a request and count it."""
        self._number += 1
        self._entries.append(
            Entry(self._number, time, method, path, route, metered, status, resource, fault, trace)
        )
        kinds = ["metered" if metered else "unmetered"]
        if status == TOO_MANY_REQUESTS:
            kinds.append("throttled")
        if metered:
            self._received.add(time)
            if status != TOO_MANY_REQUESTS:
                self._admitted.add(time)
        self._counts.update(kinds)
        self._routes[route] += 1
        self._statuses[str(status)] += 1
        if fault:
            self._faults[fault] += 1
        self._minutes.setdefault(int(time // self._minute_s), Counter()).update(kinds)
        if len(self._minutes) > MINUTES_KEPT:
            del self._minutes[next(iter(self._minutes))]

    def entries(self, *, after: int = 0, limit: int = LOG_SIZE) -> list[JsonObject]:
        """Return at most `limit` entries with numbers above `after`, oldest first."""
        first = self._entries[0].number if self._entries else 1
        start = max(0, after + 1 - first)
        return [entry.to_json() for entry in islice(self._entries, start, start + limit)]

    def stats(self) -> JsonObject:
        """Return the counts.

        A request throttled by quota or by a fault counts as metered or unmetered, and also as
        throttled. A minute is 60 s of the real service, divided by the time scale.
        """
        return {
            "requests": {
                "total": self._number,
                "metered": self._counts["metered"],
                "unmetered": self._counts["unmetered"],
                "throttled": self._counts["throttled"],
            },
            "max_metered_in_any_minute": self._received.peak,
            "max_admitted_in_any_minute": self._admitted.peak,
            "per_minute": [
                {
                    "minute": timestamp(minute * self._minute_s),
                    "metered": counts["metered"],
                    "unmetered": counts["unmetered"],
                    "throttled": counts["throttled"],
                }
                for minute, counts in self._minutes.items()
            ],
            "by_route": dict(self._routes),
            "by_status": dict(self._statuses),
            "faults": dict(self._faults),
        }
