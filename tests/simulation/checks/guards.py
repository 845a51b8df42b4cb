"""Checks of what limits a sync: the guards, a dry run, and the imports of one sync."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shared.domain.batch.batch import Batch, BatchPhase
from shared.domain.file.record import Change, FileRecord, FileStatus
from shared.gateways.database.codec import from_fields
from shared.gateways.database.records import LEASE, batch_path
from tests.simulation.checks.violation import require

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

Fields = Mapping[str, Any]

FREE = 50
"""So many files may always be deleted, or imported again for changed settings."""

TO_IMPORT = (FileStatus.PENDING, FileStatus.UPLOADING, FileStatus.UPLOADED)


class GuardChecks:
    """Checks writes after which a guard's decision shows.

    A guard measures first and writes later, so its decisions are checked only while no other call
    can write in between.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._released: set[str] = set()

    @property
    def _is_alone(self) -> bool:
        return len(self._simulation.stage.actors) <= 1

    def dry_run(self, paths: list[str]) -> None:
        """Supervisor and scan of a dry run write no file's record."""
        role = self._simulation.role()
        files = [path for path in paths if path.startswith("files/")]
        if role is None or role.kind not in ("supervise", "scan") or not files:
            return
        batch = self._holder()
        require(not (batch and batch.dry_run), "dry_run_changes_nothing", role, "wrote", files)

    def removal(self, record: FileRecord) -> None:
        """The removals of a batch are not more than may go unasked, or than were asked for."""
        batch_id, name = record.batch_id or "", "removals_within_the_cap"
        if batch_id in self._released or not self._is_alone:
            return
        self._released.add(batch_id)
        batch = self._simulation.records.get(Batch, batch_path(batch_id)).present
        records = self._simulation.file_records()
        going = sum(_is_going(each, batch) for each in records)
        total = going + _staying(records)
        cap = max(FREE, total // 10)
        if total >= 10:
            cap = min(cap, total // 2)
        most = cap if batch.max_deletes is None else batch.max_deletes
        require(going <= most, name, f"{going} of {total}, though {most} may go:", batch)

    def work_begins(self, before: Fields | None, after: Fields) -> None:
        """A batch begins to import only if no more waits than its request allows."""
        most = after.get("max_imports")
        begins = before and before["phase"] != after["phase"] == BatchPhase.WORKING.value
        if most is None or not begins or after.get("reconciled") or not self._is_alone:
            return
        waiting = sum(
            each.status in TO_IMPORT and each.path.startswith(after["prefix"])
            for each in self._simulation.file_records()
        )
        require(waiting <= most, "imports_within_what_was_asked", f"{waiting} of {most}:", after)

    def settings_let_through(self, before: Fields | None, after: Fields) -> None:
        """Changed settings import many files again only if a person said how many."""
        old, new = before and before["imported_settings"], after["imported_settings"]
        batch = self._holder()
        if not old or old == new or batch is None or batch.has_figures or not self._is_alone:
            return
        records = self._simulation.file_records()
        again = sum(
            each.status in TO_IMPORT and each.change is Change.METADATA_CHANGED for each in records
        )
        most = max(FREE, _staying(records) // 10)
        require(again <= most, "changed_settings_are_asked_for", f"{again} of {most}:", batch)

    def import_begins(self, batch_id: str, path: str) -> None:
        """One sync begins no more imports than the settings allow, and those of its part alone."""
        play = self._simulation
        batch = play.records.get(Batch, batch_path(batch_id)).record
        if batch is None or batch.created_at is None:
            return
        require(path.startswith(batch.prefix), "imports_of_a_part_are_of_the_part", path, batch)
        most = play.settings_changes.most_imports(batch.created_at)
        if most is None:
            return
        begun = sum(
            each.fields["batch_id"] == batch_id and not each.fields["refused"]
            for each in play.documents._collections["operations"].values()
        )
        name = "imports_of_a_sync_within_their_limit"
        require(begun <= most, name, f"{begun} of {most} in", batch_id)

    def _holder(self) -> Batch | None:
        """The batch that has the lease."""
        lease = self._simulation.documents._find(LEASE)
        batch = lease and self._simulation.documents._find(batch_path(lease.fields["holder"]))
        return from_fields(Batch, batch.fields) if batch else None


def _is_going(record: FileRecord, batch: Batch) -> bool:
    """Whether the batch removes the file's documents, or would."""
    if not record.path.startswith(batch.prefix):
        return False
    released = record.status is FileStatus.DELETING and record.batch_id == batch.batch_id
    return released or record.status is FileStatus.REMOVAL_CANDIDATE


def _staying(records: list[FileRecord]) -> int:
    """Files whose documents stay, or are replaced."""
    replaced = (Change.CHANGED, Change.METADATA_CHANGED)
    return sum(
        each.status is FileStatus.INDEXED or (each.status in TO_IMPORT and each.change in replaced)
        for each in records
    )
