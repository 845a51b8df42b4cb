"""Makes the request for a batch, and watches the batch until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure, is_over
from local.fss.report.progress import Display

LIMITS = ("max_deletes", "max_imports", "max_estimated_cost")
REQUEST = ("mode", "prefix", "dry_run", "delete_policy", "force", "new_store", *LIMITS)
"""The fields of a request that are options of a command."""

LOOK_AGAIN = 0.5
"""Seconds between the first two requests for the state of a watched batch."""

GENTLE = 30.0
"""Seconds to which that time grows where requests cost; docs/operations.md says how much."""

MAX_SILENCE = 60.0
"""Seconds without an answer from the status function before watching ends."""


def request_of(options: Mapping[str, Any]) -> dict[str, object]:
    """Return the request body for the given options, which leave out what was not given."""
    asked = {name: options.get(name) for name in REQUEST}
    return {name: value for name, value in asked.items() if value not in (None, "", False)} | {
        name: asked[name]
        for name in LIMITS
        if asked[name] is not None  # 0 is a limit too
    }


def watch(
    deployment: Deployment,
    batch_id: str,
    display: Display,
    check: Callable[[], None] = lambda: None,
    *,
    slowest: float = LOOK_AGAIN,
) -> dict[str, Any]:
    """Show a batch until it is over, and return it.

    Args:
        deployment: The deployment that has the batch.
        batch_id: The id of the batch.
        display: The display to show it on.
        check: Called before each request; may raise to stop watching.
        slowest: Seconds to which the time between two requests grows, by half each time.

    Raises:
        Failure: There is no such batch, or there has been no answer for a minute.
    """
    give_up_at = time.monotonic() + MAX_SILENCE
    pause = LOOK_AGAIN
    while True:
        check()
        try:
            batch = deployment.batch(batch_id)
        except Failure as failure:
            if failure.exit_code != Exit.COULD_NOT_RUN or time.monotonic() > give_up_at:
                raise
        else:
            give_up_at = time.monotonic() + MAX_SILENCE
            display.show(batch)
            if is_over(batch):
                return batch
        time.sleep(pause)
        pause = min(pause * 1.5, slowest)
