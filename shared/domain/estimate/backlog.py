"""The work that waits for a sync, as numbers.

The database sums these numbers over all records. What a scan would change is a difference to the
sums, so a dry run can tell the next sync's work without writing a record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace
from operator import add, sub

from shared.domain.file.record import Change, FileRecord, FileStatus

REPLACING = (Change.CHANGED, Change.METADATA_CHANGED)
"""The changes of files that have a document already."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Work that waits. Backlogs can be added and subtracted; a difference may be negative.

    Attributes:
        uploads: Files to upload and import: two metered requests each.
        imports: Files that are uploaded already: one metered request each.
        retries: Failed files to try again; they are counted among ``uploads`` too.
        bytes: Total size of the files to import.
        tokens: Estimated number of tokens to embed for them.
        replaced_bytes: Total size of the content that their documents replace.
        removals: Documents to delete.
        staying: Files that have a document now and after the sync: it stays or is replaced.
        asked: Skipped files whose document is removed only if a request allows it.
        metadata_files: Files among those to import whose content is indexed already: only their
            metadata differ, or the settings.
        metadata_tokens: Estimated number of tokens to embed for these.
    """

    uploads: int = 0
    imports: int = 0
    retries: int = 0
    bytes: int = 0
    tokens: int = 0
    replaced_bytes: int = 0
    removals: int = 0
    staying: int = 0
    asked: int = 0
    metadata_files: int = 0
    metadata_tokens: int = 0

    @property
    def files(self) -> int:
        """Number of files to import."""
        return self.uploads + self.imports

    @property
    def metered_requests(self) -> int:
        """Number of requests that count for the quota, if none has to be repeated."""
        return 2 * self.uploads + self.imports

    def __add__(self, other: Backlog) -> Backlog:
        return Backlog(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: Backlog) -> Backlog:
        return Backlog(*map(sub, astuple(self), astuple(other)))


def work_of(record: FileRecord | None, retried: Callable[[FileRecord], bool]) -> Backlog:
    """The work that one file adds to a sync.

    Args:
        record: The file's record when the scan is complete, or None without a record.
        retried: Whether the sync tries a given failed file again.
    """
    if record is None:
        return Backlog()
    match record.status:
        case FileStatus.INDEXED:
            return Backlog(staying=1)
        case FileStatus.REMOVAL_CANDIDATE:
            return Backlog(removals=1)
        case FileStatus.SKIPPED:
            return Backlog(asked=int(record.asks_first))
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
    tokens = record.desired.tokens if record.desired else 0
    only_metadata = record.change is Change.METADATA_CHANGED
    return replace(
        count,
        bytes=record.desired_size,
        tokens=tokens,
        staying=int(record.change in REPLACING),
        replaced_bytes=record.current_size,
        metadata_files=int(only_metadata),
        metadata_tokens=tokens if only_metadata else 0,
    )


def _changed(record: FileRecord) -> bool:
    """Whether the bucket wants other content than what is under way."""
    return record.desired_key not in (None, record.working_key)
