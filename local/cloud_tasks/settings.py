"""The settings of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from local.cloud_tasks.delivery.identity import GOOGLE_ISSUER
from local.cloud_tasks.queue.faults import Faults
from local.cloud_tasks.queue.task_rules import MIN_DISPATCH_DEADLINE

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a server, fixed when it starts.

    Attributes:
        port: The port of the gRPC API; 0 takes a free one.
        admin_port: The port of the admin HTTP server; 0 takes a free one.
        state: The file that keeps queues and tasks over a restart; None keeps nothing.
        task_tombstone: Seconds that the name of a finished or deleted task stays taken. The API
            reference says "up to 24 hours".
        queue_tombstone: Seconds that the name of a deleted queue stays taken. The API reference
            says "up to 3 days".
        min_dispatch_deadline: The least dispatch_deadline in seconds; the service's 15 s are long
            for a test.
        throttle: Whether 429 and 503 answers slow a queue down.
        issuer: The `iss` claim of OIDC tokens.
        faults: The initial faults.
        grace: Seconds that a stopping server waits for attempts in progress.
    """

    port: int = 0
    admin_port: int = 0
    state: Path | None = None
    task_tombstone: float = DAY
    queue_tombstone: float = 3 * DAY
    min_dispatch_deadline: float = MIN_DISPATCH_DEADLINE
    throttle: bool = True
    issuer: str = GOOGLE_ISSUER
    faults: Faults = field(default_factory=Faults)
    grace: float = 2.0
