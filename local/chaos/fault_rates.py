"""Which faults are injected during a run, and how often."""

from __future__ import annotations

import json
from dataclasses import dataclass

TIME_SCALE = 100.0
"""A cooldown of 300 s lasts 3 s, the supervisor's interval 0.6 s, an import's deadline 36 s."""

POLLS = ("files.get", "files.delete", "operations.get", "documents.*", "stores.get")
"""Routes that no quota counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """The fraction of calls or deliveries that each fault affects; durations are in real seconds.

    Attributes:
        throttled: Metered calls answered with 429; every fifth has a RetryInfo.
        polls_throttled: Other calls answered with 429.
        unavailable: Calls to Gemini, of any kind, answered with 503 and without effect.
        replies_lost: Uploads and imports that take effect but get no reply.
        errors_after_effect: Imports that take effect but are answered with 503.
        operations_hung: Imports whose operation never ends, although the document exists.
        operations_failed: Imports that end with an error and a FAILED document.
        documents_recovering: Documents that become FAILED and then ACTIVE.
        documents_failed: Documents that become FAILED permanently.
        duplicates: Tasks that are delivered twice at the same time.
        database_unavailable: Calls to Firestore, of any kind, refused with UNAVAILABLE.
        database_aborted: Commits refused with ABORTED.
        database_replies_lost: Calls to Firestore that take effect but are answered with
            DEADLINE_EXCEEDED.
        kill_every: The mean time between two kills.
        times: How often each rule of Gemini's fires at most, so that these faults come early in
            a run; None for no limit.
    """

    throttled: float = 0.10
    polls_throttled: float = 0.02
    unavailable: float = 0.05
    replies_lost: float = 0.03
    errors_after_effect: float = 0.01
    operations_hung: float = 0.02
    operations_failed: float = 0.01
    documents_recovering: float = 0.03
    documents_failed: float = 0.01
    duplicates: float = 0.10
    database_unavailable: float = 0.02
    database_aborted: float = 0.02
    database_replies_lost: float = 0.01
    kill_every: float = 8.0
    times: int | None = None

    def gemini_faults(self) -> str:
        """Return the simulator's fault rules as JSON; for each call, the first to fire wins."""
        start, upload, import_ = "files.upload.start", "files.upload.finalize", "stores.importFile"
        rules = [
            _rule("reply_lost", import_, self.replies_lost),
            _rule("reply_lost", upload, self.replies_lost),
            _rule("unavailable", import_, self.errors_after_effect, after_effect=True),
            _rule("operation_hung", import_, self.operations_hung),
            _rule("operation_failed", import_, self.operations_failed),
            # Longer than several polls, shorter than the grace period of a FAILED document.
            _rule("document_recovers", import_, self.documents_recovering, delay_s=1.0),
            _rule("document_failed", import_, self.documents_failed),
            *self._throttling(start),
            *self._throttling(import_),
            *(_rule("rate_limited", route, self.polls_throttled) for route in POLLS),
            _rule("unavailable", "*", self.unavailable),
        ]
        return json.dumps([{"times": self.times, **rule} for rule in rules])

    def _throttling(self, route: str) -> list[dict[str, object]]:
        """Return the rules that answer a metered route with 429."""
        kind = "rate_limited"
        return [
            _rule(kind, route, self.throttled / 5, retry_info=True, delay_s=0.5),
            _rule(kind, route, self.throttled * 4 / 5),
        ]

    def task_faults(self, seed: int) -> dict[str, float]:
        """Return the faults of the Cloud Tasks server."""
        return {"duplicate_fraction": self.duplicates, "seed": seed}

    def database_faults(self, seed: int) -> dict[str, float]:
        """Return the faults of the Firestore server."""
        return {
            "unavailable_fraction": self.database_unavailable,
            "aborted_fraction": self.database_aborted,
            "lost_fraction": self.database_replies_lost,
            "seed": seed,
        }


def _rule(kind: str, route: str, rate: float, **more: object) -> dict[str, object]:
    return {"kind": kind, "route": route, "rate": rate, **more}
