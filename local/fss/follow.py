"""Follows a batch from the terminal until it ends, or until the person stops watching."""

from __future__ import annotations

from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Interrupted, Terminated
from local.fss.ended import report
from local.fss.output import Output
from local.fss.sync import GENTLE, watch


def follow(deployment: Deployment, batch_id: str, output: Output, called: str = "fss") -> Exit:
    """As ``followed``; then print the summary, and return the exit code that it means."""
    return report(deployment, followed(deployment, batch_id, output, called), output)


def followed(
    deployment: Deployment, batch_id: str, output: Output, called: str = "fss"
) -> dict[str, Any]:
    """Show a batch until it is over, and return it.

    Args:
        deployment: The deployment that has the batch.
        batch_id: The id of the batch.
        output: Where progress and summary go.
        called: How to call the command for this deployment.

    Raises:
        Interrupted: The person stopped watching; the batch goes on.
    """
    try:
        with output.display() as display:
            return watch(deployment, batch_id, display, slowest=GENTLE)
    except KeyboardInterrupt as stop:
        kind = Terminated if isinstance(stop, Terminated) else Interrupted
        raise kind(
            f"Stopped watching; batch {batch_id} goes on. "
            f"{called} watch {batch_id}, {called} cancel {batch_id}"
        ) from None
