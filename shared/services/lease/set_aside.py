"""Sets aside files whose documents are damaged, so that they stop nothing else."""

from __future__ import annotations

from shared.domain.batch.batch import Batch
from shared.domain.errors import Conflict
from shared.domain.file import setting_aside
from shared.domain.file.record import FileRecord
from shared.domain.ids import file_id
from shared.gateways.database import queries
from shared.gateways.database.records import Stored, replacing
from shared.services.context import Context


class SetAside:
    """Replaces damaged documents of files, as the holder of a batch's fence."""

    def __init__(self, context: Context, batch: Batch) -> None:
        """A dry run writes nothing, and only tells what would be set aside."""
        self._context = context
        self._batch = batch

    def __call__(self) -> list[Stored[FileRecord]]:
        """Set aside every file whose document was found damaged so far.

        Returns the records that take their places, without those that another writer has replaced
        meanwhile.
        """
        damaged = self._context.records.damaged
        of_files = [path for path in damaged if path.startswith(f"{queries.FILES}/")]
        replaced = [self._replaced(damaged.pop(path)) for path in of_files]
        return [each for each in replaced if each is not None]

    def record(self, stored: Stored[FileRecord], path: str) -> FileRecord | None:
        """The record that takes the place of a damaged document; None if it isn't damaged."""
        if stored.damage is None:
            return None
        fields = stored.damage.fields
        return self._aside(path, str(stored.damage.fault), fields.get("status"))

    def lost(self, path: str) -> FileRecord:
        """The record of a file whose own record is lost."""
        return self._aside(path, "its record is lost", None)

    def _aside(self, path: str, reason: str, status: object) -> FileRecord:
        return setting_aside.set_aside(
            path,
            reason,
            status,
            batch_id=self._batch.batch_id,
            fence=self._batch.fence,
            now=self._context.clock.now(),
            policy=self._context.rules.file,
        )

    def _replaced(self, stored: Stored[FileRecord]) -> Stored[FileRecord] | None:
        record = self.record(stored, _path_of(stored))
        if record is None:
            return None
        version = stored.version
        if not self._batch.dry_run:
            try:
                version = self._context.records.documents.commit([replacing(stored, record)])[0]
            except Conflict:
                return None
        return Stored(stored.path, record, version, stored.read_time)


def _path_of(stored: Stored[FileRecord]) -> str:
    """The file's path by its damaged document; empty if that doesn't tell the path of this id."""
    path = stored.damage.fields.get("path") if stored.damage else None
    is_told = isinstance(path, str) and stored.path == f"{queries.FILES}/{file_id(path)}"
    return str(path) if is_told else ""
