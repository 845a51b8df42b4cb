"""The settings of a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from local.firestore.api.faults import Faults
from local.firestore.indexes.index_set import IndexSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a server, fixed when it starts.

    Attributes:
        port: The port of the gRPC API; 0 takes a free one.
        admin_port: The port of the admin HTTP server; 0 takes a free one.
        state: The file that keeps documents over a restart; None keeps nothing.
        indexes: The indexes that queries need, and the fields with times of expiry; None: queries
            need none, and nothing expires.
        expiry_delay: Seconds between a document's end and its deletion. The service says "typically
            within 24 hours".
        faults: The initial faults.
    """

    port: int = 0
    admin_port: int = 0
    state: Path | None = None
    indexes: IndexSet | None = None
    expiry_delay: float = 3600.0
    faults: Faults = field(default_factory=Faults)
