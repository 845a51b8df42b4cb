"""Lists of the files that need a look, in order of their paths."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from shared.domain.errors import InvalidRequest
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.ids import file_id
from shared.domain.page_token import last_item, page_token
from shared.domain.scan.comparison import end_of
from shared.gateways.database import queries
from shared.gateways.database.records import Records
from shared.services.report.file_rows import file_row


class FileList(StrEnum):
    FAILED = "failed"
    SKIPPED = "skipped"
    WAITING = "waiting"


STATUSES = {
    FileList.FAILED: (FileStatus.FAILED,),
    FileList.SKIPPED: (FileStatus.SKIPPED,),
    FileList.WAITING: (
        FileStatus.PENDING,
        FileStatus.UPLOADING,
        FileStatus.UPLOADED,
        FileStatus.IMPORTING,
        FileStatus.UNCERTAIN,
        FileStatus.REMOVAL_CANDIDATE,
        FileStatus.DELETING,
    ),
}
"""The statuses of each list's files."""


class FileLists:
    """Reads a page of a list, and no other file."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def __call__(self, which: FileList, prefix: str, token: str, limit: int) -> dict[str, Any]:
        """A page of the files whose paths begin with ``prefix``, with the next page's token.

        Raises:
            InvalidRequest: ``token`` is of another list, or its file is no longer known.
        """
        end = end_of(prefix) if prefix else ""
        query = queries.listed(STATUSES[which], prefix, end, limit)
        listing = ("list", which.value, prefix)
        if last := last_item(token, *listing):
            known = self._records.get(FileRecord, f"{queries.FILES}/{last}").record
            if known is None:
                raise InvalidRequest("page_token has expired: list again without it")
            query = query.after(known.path)
        found = [each.present for each in self._records.query(FileRecord, query)]
        more = len(found) == limit
        following = page_token(file_id(found[-1].path), *listing) if more else ""
        return {"files": [file_row(each) for each in found], "next_page_token": following}
