"""How a server is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from local.cloud_tasks.delivery.identity import GOOGLE_ISSUER
from local.cloud_tasks.queue.faults import Faults
from local.cloud_tasks.queue.task_rules import MIN_DISPATCH_DEADLINE

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be chosen at the start.

    Attributes:
        port: Of the gRPC API; 0 takes a free one.
        admin_port: Of the admin HTTP server; 0 takes a free one.
        state: The file that outlives the server; None keeps nothing.
        task_tombstone: Seconds the name of a finished or deleted task stays taken. The reference
            says "up to 24 hours".
        queue_tombstone: Seconds the name of a deleted queue stays taken. The reference says "up to
            3 days".
        min_dispatch_deadline: Seconds; the service's 15 are long for a test.
        throttle: Whether 429 and 503 answers slow a queue down.
        issuer: The `iss` claim of OIDC tokens.
        faults: In force from the start.
        grace: Seconds a stopping server waits for attempts under way.
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
