"""The faults that the servers of a stack inject while a run lasts."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from local.chaos.fault_rates import FaultRates
from local.fss.deployment.http import fetched
from local.stack.firestore import LocalFirestore
from local.stack.local_stack import LocalStack
from local.web_guard.rules import ADMIN_HEADER


class InjectedFaults:
    """The faults of all servers, in force while the context lasts, and their effects.

    Google's Firestore emulator injects none.

    Attributes:
        requests: The Gemini simulator's request log, as far as `watch` has read it.
        stats: The simulator's counts when the context ended.
        of_the_database: How many calls to Firestore failed by each fault; None if it injects none.
    """

    def __init__(self, stack: LocalStack, fault_rates: FaultRates, seed: int) -> None:
        self.requests: list[dict[str, Any]] = []
        self.stats: dict[str, Any] = {}
        self.of_the_database: dict[str, int] | None = None
        self._gemini = f"{stack.urls.gemini}/_sim"
        self._tasks = stack.urls.cloud_tasks_admin
        self._switches = {self._tasks: fault_rates.task_faults(seed)}
        self._database: str | None = None
        if isinstance(stack.firestore, LocalFirestore):
            self._database = stack.firestore.admin
            self._switches[self._database] = fault_rates.database_faults(seed)

    def __enter__(self) -> None:
        for server, faults in self._switches.items():
            _send("POST", f"{server}/faults", faults)

    def __exit__(self, *_: object) -> None:
        for server, faults in self._switches.items():
            _send("POST", f"{server}/faults", dict.fromkeys(faults, 0))
        if self._database is not None:
            self.of_the_database = fetched(f"{self._database}/stats")["faults"]
        self.watch()
        self.stats = fetched(f"{self._gemini}/stats")
        _send("DELETE", f"{self._gemini}/faults")

    def watch(self) -> None:
        """Read the new entries of the request log, of which the simulator keeps only the latest."""
        after = self.requests[-1]["number"] if self.requests else 0
        self.requests += fetched(f"{self._gemini}/requests?after={after}")["requests"]

    def duplicates(self) -> int:
        """Return the number of duplicate deliveries."""
        queues = fetched(f"{self._tasks}/queues")["queues"]
        return sum(queue["duplicated"] for queue in queues)

    def lost_uploads(self) -> frozenset[str]:
        """Return the raw files whose upload succeeded without a reply."""
        return frozenset(
            request["resource"]
            for request in self.requests
            if request["route"] == "files.upload.finalize" and request.get("fault") == "reply_lost"
        )


def _send(method: str, url: str, body: object = None) -> None:
    content = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", ADMIN_HEADER: "chaos"}
    fetched(urllib.request.Request(url, content, headers, method=method))
