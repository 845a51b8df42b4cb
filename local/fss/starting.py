"""Starts a batch of a deployment, or tells which batch is in the way and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure
from local.printable import printable
from shared.domain.batch.kinds import BatchStatus


class InTheWay(Failure):
    """Another batch is not over.

    Attributes:
        batch_id: Its id.
        is_paused: Whether it waits for somebody to resume it.
    """

    def __init__(self, batch_id: str, called: str, *, is_paused: bool) -> None:
        shown = printable(batch_id)
        state, first = ("paused", "resume") if is_paused else ("running", "watch")
        super().__init__(
            Exit.REFUSED,
            f"batch {shown} is {state}, and no other starts before it is over: "
            f"{called} {first} {shown}, or {called} cancel {shown}",
            batch_id=batch_id,
        )
        self.batch_id = batch_id
        self.is_paused = is_paused


def started(
    deployment: Deployment, request: Mapping[str, object], called: str = "fss"
) -> dict[str, Any]:
    """Start a batch and return ``batch_id`` and ``status_url``.

    Args:
        deployment: Where to start it.
        request: The body of the request.
        called: How to call the command for this deployment.

    Raises:
        InTheWay: Another batch is not over.
        Failure: The request is refused, or there is no answer.
    """
    try:
        return deployment.start(request)
    except Failure as refused:
        other = refused.details.get("batch_id")
        if refused.exit_code != Exit.REFUSED or not isinstance(other, str):
            raise
        raise InTheWay(other, called, is_paused=_is_paused(deployment, other)) from None


def _is_paused(deployment: Deployment, batch_id: str) -> bool:
    """Whether the batch is paused; the status function may be unknown, or out of reach."""
    try:
        return bool(deployment.batch(batch_id)["status"] == BatchStatus.PAUSED)
    except Failure:
        return False
