"""One batch, from its start to its end."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure, is_over
from local.fss.report.progress import Display

LOOK_AGAIN = 0.5
"""Seconds between looks at a batch that is watched."""

PATIENCE = 60.0
"""Seconds that the status function may fail to answer before the watching ends."""


def request_of(arguments: Namespace) -> dict[str, object]:
    """Return the body of the request that the options ask for."""
    request: dict[str, object] = {"mode": arguments.mode}
    for name in ("delete_policy", "max_deletes", "max_imports", "max_estimated_cost"):
        if (value := getattr(arguments, name)) is not None:  # 0 is a limit too
            request[name] = value
    for name in ("prefix", "dry_run", "force", "new_store"):
        if value := getattr(arguments, name, False):
            request[name] = value
    return request


def watch(
    deployment: Deployment,
    batch_id: str,
    display: Display,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Show a batch until it is over, and return it.

    Args:
        deployment: Whose batch it is.
        batch_id: Which.
        display: Where to show it.
        check: Called at each look; raises to end the watching.

    Raises:
        Failure: There is no such batch, or nothing has answered for a minute.
    """
    patient_until = time.monotonic() + PATIENCE
    while True:
        check()
        try:
            batch = deployment.batch(batch_id)
        except Failure as failure:
            if failure.exit_code != Exit.COULD_NOT_RUN or time.monotonic() > patient_until:
                raise
        else:
            patient_until = time.monotonic() + PATIENCE
            display.show(batch)
            if is_over(batch):
                return batch
        time.sleep(LOOK_AGAIN)
