"""Which files are ready for a slot, within the bounds on what lies uploaded and unimported."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.domain.errors import GatewayError
from shared.domain.file.record import FileRecord, FileStatus, Slot, crowd_of
from shared.gateways.database import queries
from shared.gateways.database.records import Stored
from shared.gateways.ports import Query
from shared.services.context import Context, Deadline
from shared.services.source.unreadable import UnreadableFiles
from shared.services.throttle.budget import Budget

RAW_FILES_PER_IMPORT = 4
"""Files that may lie uploaded and not imported, for each import that may be in progress."""

PASSED_OVER = 50
"""Suspects that are passed over to find other imports that may be begun. If more wait, imports
pause until so few are in progress that the suspects may be imported."""

READS_AT_ONCE = 200
"""Files whose first byte is read at once, while many can't be read."""


class ReadyFiles:
    """The files that wait for a slot and may have it now.

    Args:
        context: The deployment's.
        budget: The deployment's limits.
        part: The prefix of a sync of a part. What lies uploaded elsewhere then waits for another
            sync, and takes no place from this one's files.
    """

    def __init__(self, context: Context, budget: Budget, part: str = "") -> None:
        self._context = context
        self._budget = budget
        self._part = part
        self._unreadable = UnreadableFiles(context)

    def is_any(self, now: datetime) -> bool:
        """Whether any file is ready; one read, which may save the many reads of the limits."""
        return bool(self._context.records.documents.count(self._below(queries.ready(now, 1))))

    def imports(self, most: int, now: datetime) -> list[Stored[FileRecord]]:
        """Files ready to import; more than ``most`` where suspects are among them."""
        ready = self.ready(Slot.IMPORT, most, now)
        if any(crowd_of(each.present).is_suspect for each in ready):
            return self.ready(Slot.IMPORT, most + PASSED_OVER, now)
        return ready

    def uploads(
        self, most: int, imports: int, now: datetime, *, cheapest: bool = False
    ) -> list[Stored[FileRecord]]:
        """Files ready to upload, within the limits on raw files in number and in bytes.

        They are those that wait longest, or the cheapest.

        One file beyond the limit in bytes is let through if nothing else is under way.

        Args:
            most: The most files.
            imports: Imports that may be in progress, which limits the raw files.
            now: The time.
            cheapest: Whether it is the cheapest.
        """
        rules = self._context.rules
        documents = self._context.records.documents
        begun = self._count_begun() + documents.count(queries.planned_uploads())
        ahead = imports * RAW_FILES_PER_IMPORT - begun
        if ahead < most:
            ahead += self._count_interrupted()
        ready = self._readable(min(most, ahead), now, cheapest=cheapest)
        if not ready:
            return []
        held = queries.with_status(FileStatus.UPLOADING, FileStatus.UPLOADED, FileStatus.IMPORTING)
        used = int(documents.sums(held, [queries.WORKING_SIZE])[queries.WORKING_SIZE])
        fitting = list(_within_bytes(ready, rules.max_raw_bytes - used))
        if fitting or self.count_uploads():
            return fitting
        importing = documents.count(queries.with_status(FileStatus.IMPORTING))
        return [] if importing else ready[:1]

    def count_uploads(self, *statuses: FileStatus) -> int:
        """How many files are uploaded or being uploaded, or in one of ``statuses`` if given.

        Interrupted uploads that wait for a slot are not counted: if they were, each would wait
        for the others to end.
        """
        begun = self._count_begun(*statuses)
        return begun - self._count_interrupted() if begun else 0

    def _count_begun(self, *statuses: FileStatus) -> int:
        """The same with interrupted uploads."""
        wanted = statuses or (FileStatus.UPLOADING, FileStatus.UPLOADED)
        return self._context.records.documents.count(self._below(queries.with_status(*wanted)))

    def _count_interrupted(self) -> int:
        query = queries.interrupted_uploads()
        if not self._part:
            return self._context.records.documents.count(query)
        found = self._context.records.query(FileRecord, query)  # few, so they need no index
        return sum(each.present.path.startswith(self._part) for each in found)

    def is_any_under_way(self, *, held: bool) -> bool:
        """Whether a file is uploaded, being uploaded, or has a planned upload.

        ``held`` tells that those uploaded are too large for the store.
        """
        documents = self._context.records.documents
        begun = self.count_uploads(*([FileStatus.UPLOADING] if held else []))
        return bool(begun or documents.count(queries.planned_uploads()))

    def _readable(self, most: int, now: datetime, *, cheapest: bool) -> list[Stored[FileRecord]]:
        """Files ready to upload, less those whose read is refused, which are skipped here.

        Reads happen only once a file is known to be unreadable: then there may be as many as the
        bucket has, and each would cost a slot before its delivery found out.
        """
        if most <= 0:
            return []

        def found(number: int) -> list[Stored[FileRecord]]:
            if cheapest:
                return self._budget.cheapest_uploads(number, now)
            return self.ready(Slot.UPLOAD, number, now)

        ready = found(most)
        if not ready or not self._unreadable.are_any():
            return ready
        deadline = Deadline.after(self._context.clock, self._context.rules.work_budget / 4)
        while True:
            try:
                refused = self._unreadable.skip_refused(ready)
            except GatewayError:  # the bucket fails: the deliveries handle that
                return ready[:most]
            ready = [each for each in ready if each.present.path not in refused]
            if not refused or deadline.passed:
                return ready[:most]
            ready = found(max(most, READS_AT_ONCE))

    def ready(self, slot: Slot, most: int, now: datetime) -> list[Stored[FileRecord]]:
        if most <= 0:
            return []
        query = self._below(queries.ready_for(slot, now, most))
        return self._context.records.query(FileRecord, query)

    def _below(self, query: Query) -> Query:
        return queries.below(self._part, query)


def _within_bytes(ready: Iterable[Stored[FileRecord]], room: int) -> Iterable[Stored[FileRecord]]:
    """The first files whose sizes add up to ``room`` bytes at most."""
    for stored in ready:
        room -= stored.present.desired_size
        if room < 0:
            return
        yield stored
