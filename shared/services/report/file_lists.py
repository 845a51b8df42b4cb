"""Lists of the files that need a look, in order of their paths."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from enum import StrEnum
from typing import Any

from shared.domain.errors import InvalidRequest
from shared.domain.file.record import FailureKind, FileRecord, FileStatus
from shared.domain.ids import file_id
from shared.domain.page_token import last_item, page_token
from shared.domain.scan.comparison import end_of
from shared.domain.source.eligibility import SkipReason
from shared.gateways.database import queries
from shared.gateways.database.records import Records
from shared.gateways.ports import Query
from shared.services.report.file_rows import file_row

MOST_SEARCHED = 500
"""Files that one answer looks at for a text, since no index knows the parts of a name."""

MOST_COUNTED = 1000
"""Files of each kind that are counted, which is as many as one read counts."""


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

KINDS: Mapping[FileList, Sequence[StrEnum]] = {
    FileList.FAILED: tuple(FailureKind),
    FileList.SKIPPED: tuple(SkipReason),
    FileList.WAITING: STATUSES[FileList.WAITING],
}
"""The kinds of each list's files."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files of a list are wanted; everything is empty where it doesn't matter.

    Attributes:
        prefix: What their paths begin with.
        kind: One of the list's ``KINDS``.
        text: What stands in the path or in the reason, in any case and Unicode form.
    """

    prefix: str = ""
    kind: str = ""
    text: str = ""


class FileLists:
    """Reads a page of a list, and no other file."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def __call__(self, which: FileList, wanted: Wanted, token: str, limit: int) -> dict[str, Any]:
        """A page as ``page`` tells it, and how many files there are of each kind."""
        told = self.page(which, wanted, token, limit)
        return {**told, "kinds": self._counts(which, wanted.prefix)}

    def page(self, which: FileList, wanted: Wanted, token: str, limit: int) -> dict[str, Any]:
        """A page of the files that are wanted, with the next page's token.

        With a text, a page looks at up to ``MOST_SEARCHED`` files. So it may have fewer rows than
        ``limit``, or none, while there is a next page.

        Raises:
            InvalidRequest: ``token`` is of another list, or its file is no longer known; or the
                list has no such kind.
        """
        listing = ("list", which.value, *astuple(wanted))
        most = MOST_SEARCHED if wanted.text else limit
        query = self._query(which, wanted.prefix, wanted.kind, most)
        if last := last_item(token, *listing):
            known = self._records.get(FileRecord, f"{queries.FILES}/{last}").record
            if known is None:
                raise InvalidRequest("page_token has expired: list again without it")
            query = query.after(known.path)
        read = [each.present for each in self._records.query(FileRecord, query)]
        rows = [row for each in read if _has(row := file_row(each), wanted.text)]
        shown, goes_on = rows[:limit], len(read) == most or len(rows) > limit
        # With more rows than wanted, what was read behind the last one is read again.
        end = shown[-1]["path"] if len(rows) > limit else read[-1].path if read else ""
        return {
            "files": shown,
            "searched": sum(each.path <= end for each in read),
            "next_page_token": page_token(file_id(end), *listing) if goes_on else "",
        }

    def _query(self, which: FileList, prefix: str, kind: str, limit: int) -> Query:
        if kind and kind not in KINDS[which]:
            raise InvalidRequest(f"kind: must be one of {', '.join(KINDS[which])}")
        asked = (prefix, end_of(prefix) if prefix else "", limit)
        if not kind:
            return queries.listed(STATUSES[which], *asked)
        match which:
            case FileList.FAILED:
                return queries.failed_as(FailureKind(kind), *asked)
            case FileList.SKIPPED:
                return queries.skipped_for(SkipReason(kind), *asked)
            case FileList.WAITING:
                return queries.listed((FileStatus(kind),), *asked)

    def _counts(self, which: FileList, prefix: str) -> dict[str, int]:
        """How many files of each kind there are, up to ``MOST_COUNTED``; none that has none."""
        count = self._records.documents.count
        counts = {
            kind.value: count(self._query(which, prefix, kind, MOST_COUNTED))
            for kind in KINDS[which]
        }
        return {kind: found for kind, found in counts.items() if found}


def _has(row: Mapping[str, Any], text: str) -> bool:
    return any(_folded(text) in _folded(row[field]) for field in ("path", "reason"))


def _folded(text: str) -> str:
    """The text in a form in which equal words are equal; words of the API are shown with spaces."""
    return unicodedata.normalize("NFC", text).casefold().replace("_", " ")
