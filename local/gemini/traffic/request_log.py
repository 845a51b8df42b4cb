"""What the simulator was asked: a bounded log, and counts that are never bounded."""

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

# Headers that tell which task sent a request.
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
        status: Of the reply, also when the reply was lost; 0 when the request was.
        resource: The file, document, operation or store it was about, "" when unknown.
        fault: The kind of the injected fault, "" without one.
        trace: The trace headers that were sent.
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
        """Return the entry for a reader; empty fields are left out."""
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
    """The log and the counts."""

    def __init__(self, time_scale: float) -> None:
        self._minute_s = MINUTE_S / time_scale
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
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
        """Note a request and count it."""
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
        """Return the entries numbered above `after`, oldest first, at most `limit`."""
        first = self._entries[0].number if self._entries else 1
        start = max(0, after + 1 - first)
        return [entry.to_json() for entry in islice(self._entries, start, start + limit)]

    def stats(self) -> JsonObject:
        """Return the counts.

        A request throttled by quota or by a fault counts as metered or unmetered like any other,
        and as throttled besides. A minute is one of the real service: 60 s by the time scale.
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
