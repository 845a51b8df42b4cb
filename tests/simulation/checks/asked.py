"""Checks of syncs that the bucket asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.gateways.database.records import ASKED, LEASE, batch_path
from tests.simulation.checks.violation import require

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

Fields = Mapping[str, Any]

SCANS = 3
"""As the documentation has it: a sync that is asked for waits three scans of the last one."""


class AskedChecks:
    """Checks the commits of one simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def committed(self, before: Mapping[str, Fields | None], after: Mapping[str, Fields]) -> None:
        """Check a commit by the documents that it has written."""
        begun = [
            fields
            for path, fields in after.items()
            if path.startswith("batches/") and path.count("/") == 1 and before[path] is None
        ]
        was_asked = _asked_at(before.get(ASKED))
        if was_asked and not _asked_at(after.get(ASKED)):
            prefix = self._simulation.rules.settings.prefix
            sees_all = [one for one in begun if one["prefix"] == prefix and not one["dry_run"]]
            require(sees_all, "told_changes_are_synced", "the flag was taken back by", begun)
        role = self._simulation.role()
        if begun and role is not None and role.kind == "supervise":
            require(was_asked, "asked_syncs_keep_their_distance", "nobody asked for", begun)
            self._keeps_its_distance(before.get(LEASE))

    def _keeps_its_distance(self, lease: Fields | None) -> None:
        stored = lease and self._simulation.documents._find(batch_path(lease["holder"]))
        last = stored.fields if stored else None
        if last is None or last["completed_at"] is None:
            return
        pause = self._simulation.rules.event_pause
        if last["scanned_at"] and last["scanning_since"]:
            pause = max(pause, SCANS * (last["scanned_at"] - last["scanning_since"]))
        apart = self._simulation.stage.now() - last["completed_at"]
        require(
            apart >= pause - timedelta(microseconds=1),
            "asked_syncs_keep_their_distance",
            f"{apart} after the last one instead of {pause}",
        )


def _asked_at(fields: Fields | None) -> object:
    return fields and fields["asked_at"]
