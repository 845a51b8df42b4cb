"""What the library's steps need of a deployment, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from local.fss.deployment.client import Deployment
from local.fss.report.progress import Display
from local.rehearsal.step import Findings
from shared.domain.throttle.tiers import Tier

if TYPE_CHECKING:
    from google import genai
    from google.cloud import storage


class Deployed(Protocol):
    """A deployment that exists.

    Attributes:
        display: Shows the progress of its syncs.
        is_paid: Whether its imports are billed.
        look_every: Seconds to which the time between two looks at a sync grows.
        tier: Its quota tier.
        swap_seconds: About how long `serve` takes.
    """

    display: Display
    is_paid: bool
    look_every: float
    tier: Tier
    swap_seconds: float

    @property
    def owner(self) -> str:
        """The tag that its documents carry."""

    def client(self) -> Deployment:
        """Return a client of its functions, with a fresh token if they ask for one."""

    def bucket(self) -> AbstractContextManager[storage.Bucket]:
        """Open its bucket with Google's client."""

    def gemini(self) -> AbstractContextManager[genai.Client]:
        """Open Google's client of the service that has its store."""

    def packages(self) -> Mapping[str, Path]:
        """The zips that it runs from the beginning, by function."""

    def serve(self, packages: Mapping[str, Path], findings: Findings) -> datetime:
        """Deploy other zips, and return when they answer. A sync may be running.

        Returns:
            From when on the zips that were served before did nothing more.
        """

    def check(self) -> None:
        """Raise `CouldNotRun` if a part of it has stopped."""
