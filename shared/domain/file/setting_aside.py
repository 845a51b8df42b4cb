"""A file whose document is damaged: it is set aside until a listing of the store has rebuilt it.

Until then nothing is decided about its path: the store may hold a document of it, and importing it
again would be paid for twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import Aside, FileRecord, FileStatus

RESTING = (
    FileStatus.PENDING,
    FileStatus.INDEXED,
    FileStatus.FAILED,
    FileStatus.SKIPPED,
    FileStatus.REMOVAL_CANDIDATE,
    FileStatus.DELETED,
)
"""Statuses in which no import is under way."""

UNKNOWN_PATHS = "unknown_paths"
"""A scan's count of records that were set aside without a path, on each page."""

MOST_NAMED = 3
"""Files that a message names."""


def set_aside(
    path: str,
    reason: str,
    status: object,
    *,
    batch_id: str,
    fence: int,
    now: datetime,
    policy: FilePolicy,
) -> FileRecord:
    """The record that takes the place of a damaged document.

    Args:
        path: The object's name; empty if the document doesn't tell.
        reason: What is wrong with the document.
        status: What the document says of the file's status, which may be anything.
        batch_id: The batch that sets it aside.
        fence: The batch's fence.
        now: The current time.
        policy: How long an import may be under way.
    """
    until = now if status in RESTING else now + policy.import_deadline
    return FileRecord(
        path=path,
        status=FileStatus.DELETED,
        fence=fence,
        rescan=True,
        aside=Aside(reason, until),
        set_aside_in=batch_id,
        updated_at=now,
    )


def message(names: Sequence[str], *, are_all: bool) -> str:
    """What a batch says of the files that were set aside.

    ``names`` are their paths, or the documents whose paths can't be read. ``are_all`` says whether
    there are no more than these.
    """
    named = ", ".join(map(repr, names[:MOST_NAMED]))
    others = ", …" if len(names) > MOST_NAMED else ""
    count = f"{'' if are_all else 'more than '}{len(names)}"
    return (
        f"the records of {count} files could not be read and were set aside: {named}{others}. "
        "Nothing is imported for them before the store was listed, by this sync or one of the next."
    )
