"""What goes wrong during a run, and how often."""

from __future__ import annotations

import json
from dataclasses import dataclass

TIME_SCALE = 100.0
"""A cooldown of 300 s lasts 3 s, a tick 0.6 s, the deadline of an import 36 s."""

POLLS = ("files.get", "files.delete", "operations.get", "documents.*", "stores.get")
"""Calls that no quota counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """Shares are of the calls or deliveries that can be met; durations are in real seconds.

    Attributes:
        throttled: Of the metered calls, answered with 429; every fifth names a RetryInfo.
        polls_throttled: Of the other calls, answered with 429.
        unavailable: Of all calls to Gemini, answered with 503, without effect.
        replies_lost: Of uploads and imports that take effect, without a reply.
        spoilt: Of imports that take effect and are answered with 503.
        hung: Of imports whose operation never ends though the document is there.
        operations_failed: Of imports that end with an error and a FAILED document.
        documents_recovering: Of documents that turn FAILED and then ACTIVE.
        documents_failed: Of documents that turn FAILED for good.
        duplicates: Of tasks, delivered twice at once.
        kill_every: Mean time between two kills.
        most: Each order is carried out so often at most, and so early in a run; None: no bound.
    """

    throttled: float = 0.10
    polls_throttled: float = 0.02
    unavailable: float = 0.05
    replies_lost: float = 0.03
    spoilt: float = 0.01
    hung: float = 0.02
    operations_failed: float = 0.01
    documents_recovering: float = 0.03
    documents_failed: float = 0.01
    duplicates: float = 0.10
    kill_every: float = 8.0
    most: int | None = None

    def gemini_faults(self) -> str:
        """Return the simulator's orders. Of the orders that fire on one call the first wins."""
        start, upload, import_ = "files.upload.start", "files.upload.finalize", "stores.importFile"
        orders = [
            _order("reply_lost", import_, self.replies_lost),
            _order("reply_lost", upload, self.replies_lost),
            _order("unavailable", import_, self.spoilt, after_effect=True),
            _order("operation_hung", import_, self.hung),
            _order("operation_failed", import_, self.operations_failed),
            # Within the grace that is given to a FAILED document, and past several looks at it.
            _order("document_recovers", import_, self.documents_recovering, delay_s=1.0),
            _order("document_failed", import_, self.documents_failed),
            *self._throttling(start),
            *self._throttling(import_),
            *(_order("rate_limited", route, self.polls_throttled) for route in POLLS),
            _order("unavailable", "*", self.unavailable),
        ]
        return json.dumps([{"times": self.most, **order} for order in orders])

    def _throttling(self, route: str) -> list[dict[str, object]]:
        """A metered call's 429s."""
        kind = "rate_limited"
        return [
            _order(kind, route, self.throttled / 5, retry_info=True, delay_s=0.5),
            _order(kind, route, self.throttled * 4 / 5),
        ]

    def task_faults(self, seed: int) -> dict[str, float]:
        """Return the Cloud Tasks server's faults."""
        return {"duplicate_fraction": self.duplicates, "seed": seed}


def _order(kind: str, route: str, rate: float, **more: object) -> dict[str, object]:
    return {"kind": kind, "route": route, "rate": rate, **more}
