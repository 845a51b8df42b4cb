"""The work that waits for a sync, in figures.

The figures of all records are read as sums. What a scan would change is a difference to them, so a
dry run tells the next sync's work without writing a record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from operator import add, sub

from shared.domain.file.record import FileRecord, FileStatus


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be done; workloads add up, and so do the differences that changes make.

    Attributes:
        uploads: Files to upload and then to import: two metered requests each.
        imports: Files that are uploaded already: one metered request each.
        retries: Those of the uploads that are failed files, tried again.
        bytes: Sizes of all files to import.
        tokens: What they are likely to be embedded as.
        replaced_bytes: Sizes of what the store holds in their places.
        removals: Documents to delete.
        indexed: Files whose document stays.
    """

    uploads: int = 0
    imports: int = 0
    retries: int = 0
    bytes: int = 0
    tokens: int = 0
    replaced_bytes: int = 0
    removals: int = 0
    indexed: int = 0

    @property
    def files(self) -> int:
        """How many files wait to be imported."""
        return self.uploads + self.imports

    @property
    def metered_requests(self) -> int:
        """How many requests they take that count for the quota, if none has to be repeated."""
        return 2 * self.uploads + self.imports

    def __add__(self, other: Backlog) -> Backlog:
        return Backlog(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: Backlog) -> Backlog:
        return Backlog(*map(sub, astuple(self), astuple(other)))


def work_of(record: FileRecord | None, retried: Callable[[FileRecord], bool]) -> Backlog:
    """What one record, or the lack of one, adds to the work of a sync.

    Args:
        record: As it stands when the scan is complete.
        retried: Whether the sync tries a failed file again.
    """
    if record is None:
        return Backlog()
    match record.status:
        case FileStatus.INDEXED:
            return Backlog(indexed=1)
        case FileStatus.REMOVAL_CANDIDATE:
            return Backlog(removals=1)
        case FileStatus.PENDING | FileStatus.UPLOADING:
            count = Backlog(uploads=1)
        case FileStatus.UPLOADED if record.working_key == record.desired_key:
            count = Backlog(imports=1)
        case FileStatus.UPLOADED | FileStatus.IMPORTING | FileStatus.UNCERTAIN if _changed(record):
            count = Backlog(uploads=1)
        case FileStatus.FAILED if retried(record):
            count = Backlog(uploads=1, retries=1)
        case _:
            return Backlog()
    return replace(
        count,
        bytes=record.desired_size,
        tokens=record.desired.tokens if record.desired else 0,
        replaced_bytes=record.current_size,
    )


def _changed(record: FileRecord) -> bool:
    """Whether what is under way is no longer what is wanted."""
    return record.desired_key not in (None, record.working_key)
