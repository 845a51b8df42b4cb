"""All queries of the code. Tests check Terraform's indexes against this file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from shared.domain.file.record import Change, FailureKind, FileStatus, Slot
from shared.domain.scan.comparison import end_of
from shared.domain.source.eligibility import SkipReason
from shared.gateways.ports import Op, Query, QueueName, Where

FILES = "files"
BATCHES = "batches"
OPERATIONS = "operations"
RANGES = "ranges"
WINDOW = "breaker/state/window"

# Paths of nested fields of a file's record that queries filter by or sum.
FAILURE_KIND = "failure.kind"
SKIP_REASON = "desired.skip_reason"
SLOT = "schedule.slot"
READY_AT = "schedule.ready_at"
OVERDUE_AT = "schedule.overdue_at"
LOOK_AT = "schedule.look_at"
DOCUMENT_FAILED_AT = "working.new_document.failed_at"
ELIGIBLE_AT = "failure.eligible_at"
DOCUMENT = "current.document"
ASIDE_UNTIL = "aside.until"
DESIRED_SIZE = "desired.size"
DESIRED_TOKENS = "desired.tokens"
WORKING_SIZE = "working.size"
CURRENT_SIZE = "current.size"
UPLOAD_ACCEPTED_AT = "upload_accepted.at"
IMPORT_ACCEPTED_AT = "import_accepted.at"
COST = "cost"
FENCE = "fence"
REQUESTS = ("requests.metered", "requests.throttled", "requests.unmetered")

_EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""Before all times of records; null, which has no time, is not after it."""

_WITH_FENCE = (Where(FENCE, Op.GT, 0),)


def below(prefix: str, query: Query) -> Query:
    """The files of a query whose paths begin with ``prefix``; all of them if it is empty.

    Those that the query's order doesn't tell apart come by path.
    """
    if not prefix:
        return query
    where = [Where("path", Op.GE, prefix)]
    if end := end_of(prefix):
        where.append(Where("path", Op.LT, end))
    return replace(query, where=(*query.where, *where), order_by=(*query.order_by, "path"))


def records_in_range(start: str, end: str, limit: int | None) -> Query:
    """Records with start <= path < end, by path; an empty ``start`` or ``end`` means no bound.

    Records of unknown paths, which are empty, are left out.
    """
    where = [Where("path", Op.GE, start) if start else Where("path", Op.GT, "")]
    if end:
        where.append(Where("path", Op.LT, end))
    return Query(FILES, tuple(where), ("path",), limit)


def to_rescan(limit: int) -> Query:
    """Files that the next scan must compare, even in an unchanged range."""
    return Query(FILES, (Where("rescan", Op.EQ, value=True),), (), limit)


def set_aside(until: datetime, limit: int | None = None) -> Query:
    """Files that are set aside until then, or until an earlier time."""
    return Query(FILES, (Where(ASIDE_UNTIL, Op.LE, until),), (ASIDE_UNTIL,), limit)


def set_aside_in(batch_id: str, limit: int | None = None) -> Query:
    """Files that a batch set aside, whether or not they are by now."""
    return Query(FILES, (Where("set_aside_in", Op.EQ, batch_id),), (), limit)


def without_path() -> Query:
    """Files that were set aside, and whose documents didn't tell their paths."""
    return Query(FILES, (Where("path", Op.EQ, ""),))


def unreadable(limit: int | None) -> Query:
    """Files that are skipped because a read of them is refused, by id."""
    where = Where(SKIP_REASON, Op.EQ, SkipReason.UNREADABLE.value)
    return Query(FILES, (where,), (), limit)


def asking_first(limit: int | None) -> Query:
    """Skipped files whose documents stay until a sync allows their removal, by id."""
    return Query(FILES, (Where("asks_first", Op.EQ, value=True),), (), limit)


def asking_below(prefix: str, end: str, limit: int | None) -> Query:
    """Files as ``asking_first`` with prefix <= path < end, by path."""
    where = (
        Where("asks_first", Op.EQ, value=True),
        Where("path", Op.GE, prefix),
        Where("path", Op.LT, end),
    )
    return Query(FILES, where, ("path",), limit)


def to_import() -> Query:
    """Files whose import has not been sent yet, and so not been paid for."""
    return with_status(FileStatus.PENDING, FileStatus.UPLOADING, FileStatus.UPLOADED)


def to_import_for(change: Change) -> Query:
    """Files with this change whose import has not been sent yet."""
    return Query(FILES, (Where("change", Op.EQ, change.value), *to_import().where))


def ready_for(slot: Slot, now: datetime, limit: int) -> Query:
    """Files that wait for this slot and may have it now, the longest waiting first."""
    return Query(
        FILES,
        (Where(SLOT, Op.EQ, slot.value), Where(READY_AT, Op.LE, now)),
        (READY_AT,),
        limit,
    )


def cheapest(slot: Slot, limit: int) -> Query:
    """Files that wait for this slot, also those that may not have it yet; fewest tokens first."""
    return Query(FILES, (Where(SLOT, Op.EQ, slot.value),), (DESIRED_TOKENS,), limit)


def dearer_than(tokens: int, slot: Slot, limit: int) -> Query:
    """Files with more tokens than this that wait for this slot, fewest tokens first."""
    where = (Where(SLOT, Op.EQ, slot.value), Where(DESIRED_TOKENS, Op.GT, tokens))
    return Query(FILES, where, (DESIRED_TOKENS,), limit)


def ready(now: datetime, limit: int) -> Query:
    """Files that wait for either slot and may have it now, the longest waiting first."""
    slots = [Slot.UPLOAD.value, Slot.IMPORT.value]
    where = (Where(SLOT, Op.IN, slots), Where(READY_AT, Op.LE, now))
    return Query(FILES, where, (READY_AT,), limit)


def waiting_for(slot: Slot) -> Query:
    """All files that wait for this slot, also those that may not have it yet."""
    return Query(FILES, (Where(SLOT, Op.EQ, slot.value),))


def planned_imports() -> Query:
    """Files whose import has a task in the uploads queue and has not begun."""
    return _with_uploads_task(FileStatus.UPLOADED)


def failed_documents() -> Query:
    """Files whose import's document is FAILED and may still turn ACTIVE."""
    return Query(FILES, (Where(DOCUMENT_FAILED_AT, Op.GT, _EVER),))


def planned_uploads() -> Query:
    """Files whose upload has a task in the uploads queue and has not begun."""
    return _with_uploads_task(FileStatus.PENDING)


def _with_uploads_task(status: FileStatus) -> Query:
    where = (
        Where("status", Op.EQ, status.value),
        Where("schedule.task.queue", Op.EQ, QueueName.UPLOADS.value),
    )
    return Query(FILES, where)


def interrupted_uploads() -> Query:
    """Files that wait for a slot to upload again, since the delivery that uploaded crashed."""
    where = (
        Where("status", Op.EQ, FileStatus.UPLOADING.value),
        Where(SLOT, Op.EQ, Slot.UPLOAD.value),
    )
    return Query(FILES, where)


def overdue(now: datetime, limit: int) -> Query:
    """Files whose task is overdue, the longest overdue first."""
    return Query(FILES, (Where(OVERDUE_AT, Op.LE, now),), (OVERDUE_AT,), limit)


def to_look_at(now: datetime, limit: int) -> Query:
    """Files whose raw file or import is to be looked at by now, the longest due first."""
    return Query(FILES, (Where(LOOK_AT, Op.LE, now),), (LOOK_AT,), limit)


def with_status(*statuses: FileStatus, limit: int | None = None) -> Query:
    """Files in one of these statuses, by id."""
    values = [status.value for status in statuses]
    if len(values) == 1:
        return Query(FILES, (Where("status", Op.EQ, values[0]),), (), limit)
    return Query(FILES, (Where("status", Op.IN, values),), (), limit)


def listed(statuses: Sequence[FileStatus], prefix: str, end: str, limit: int) -> Query:
    """Files in one of these statuses with prefix <= path < end, by path; empty: no bound."""
    (where,) = with_status(*statuses).where
    below = (Where("path", Op.LT, end),) if end else ()
    return Query(FILES, (where, Where("path", Op.GE, prefix), *below), ("path",), limit)


def failed_as(kind: FailureKind, prefix: str, end: str, limit: int) -> Query:
    """Files that failed in this way with prefix <= path < end, by path; empty: no bound."""
    query = listed((FileStatus.FAILED,), prefix, end, limit)
    return replace(query, where=(*query.where, Where(FAILURE_KIND, Op.EQ, kind.value)))


def skipped_for(reason: SkipReason, prefix: str, end: str, limit: int) -> Query:
    """Files skipped for this reason with prefix <= path < end, by path; empty: no bound."""
    query = listed((FileStatus.SKIPPED,), prefix, end, limit)
    return replace(query, where=(*query.where, Where(SKIP_REASON, Op.EQ, reason.value)))


def readable_of_batch(batch_id: str) -> Query:
    """All files of a batch whose status this version knows."""
    known = [status.value for status in FileStatus]
    return Query(FILES, (Where("batch_id", Op.EQ, batch_id), Where("status", Op.IN, known)))


def of_batch(batch_id: str, status: FileStatus, limit: int | None = None) -> Query:
    """Files of a batch with this status, by id."""
    where = (Where("batch_id", Op.EQ, batch_id), Where("status", Op.EQ, status.value))
    return Query(FILES, where, (), limit)


def all_of_batch(batch_id: str, limit: int | None = None) -> Query:
    """All files of a batch, by id."""
    return Query(FILES, (Where("batch_id", Op.EQ, batch_id),), (), limit)


def removed_in(batch_id: str) -> Query:
    """Files whose documents a batch removed."""
    return Query(FILES, (Where("removed_in", Op.EQ, batch_id),))


def left_in(batch_id: str, limit: int | None = None) -> Query:
    """Files that a batch left to the next sync, since their objects kept changing."""
    return Query(FILES, (Where("left_in", Op.EQ, batch_id),), (), limit)


def latest_batches(limit: int) -> Query:
    return Query(BATCHES, (), ("-created_at",), limit)


def file_of_highest_fence() -> Query:
    """The file that was written under the highest fence."""
    return Query(FILES, _WITH_FENCE, (f"-{FENCE}",), 1)


def batch_of_highest_fence() -> Query:
    """The batch that was written under the highest fence."""
    return Query(BATCHES, _WITH_FENCE, (f"-{FENCE}",), 1)


def latest_page(batch_id: str) -> Query:
    """The latest page of a batch's scan, which has the scan's totals."""
    return Query(f"{BATCHES}/{batch_id}/pages", (), ("-index",), 1)


def listed_pages(batch_id: str) -> Query:
    """The stored parts of a batch's listing of the store, in order."""
    return Query(f"{BATCHES}/{batch_id}/listing", (), ("index",))


def latest_entries(limit: int) -> Query:
    """The breaker's window, newest first."""
    return Query(WINDOW, (), ("-at",), limit)


def latest_uploads(limit: int) -> Query:
    """The files with the latest accepted uploads, newest first; they count in the window, too."""
    return Query(FILES, (), (f"-{UPLOAD_ACCEPTED_AT}",), limit)


def latest_imports(limit: int) -> Query:
    """The files with the latest accepted imports, newest first; they count in the window, too."""
    return Query(FILES, (), (f"-{IMPORT_ACCEPTED_AT}",), limit)


def entries_since(at: datetime) -> Query:
    """The window's entries since then; those calls count for the daily quota."""
    return Query(WINDOW, (Where("at", Op.GE, at),))


def uploads_since(at: datetime) -> Query:
    """The files whose latest accepted upload was made since then; likewise."""
    return Query(FILES, (Where(UPLOAD_ACCEPTED_AT, Op.GE, at),))


def accepted_imports_since(at: datetime) -> Query:
    """The files whose latest accepted import was made since then; likewise."""
    return Query(FILES, (Where(IMPORT_ACCEPTED_AT, Op.GE, at),))


def range_at(start: str) -> Query:
    """The last remembered range that begins at or before ``start``."""
    return Query(RANGES, (Where("start", Op.LE, start),), ("-start",), 1)


def ranges_between(start: str, end: str) -> Query:
    """Remembered ranges that begin after ``start`` and before ``end`` (empty: no bound)."""
    where = [Where("start", Op.GT, start)]
    if end:
        where.append(Where("start", Op.LT, end))
    return Query(RANGES, tuple(where), ("start",))


def failed_and_eligible(now: datetime, limit: int) -> Query:
    """Failed files that may be tried again now, the longest waiting first."""
    where = (Where("status", Op.EQ, FileStatus.FAILED.value), Where(ELIGIBLE_AT, Op.LE, now))
    return Query(FILES, where, (ELIGIBLE_AT,), limit)


def candidates_below(prefix: str, end: str, limit: int | None) -> Query:
    """Candidates for removal with prefix <= path < end, by path; an empty ``end``: no bound."""
    where = [
        Where("status", Op.EQ, FileStatus.REMOVAL_CANDIDATE.value),
        Where("path", Op.GE, prefix),
    ]
    if end:
        where.append(Where("path", Op.LT, end))
    return Query(FILES, tuple(where), ("path",), limit)


def in_store(store: str, limit: int | None = None) -> Query:
    """Files whose current document is in this store."""
    where = (
        Where(DOCUMENT, Op.GT, f"{store}/"),
        Where(DOCUMENT, Op.LT, f"{store}0"),  # the character after the slash
    )
    return Query(FILES, where, (DOCUMENT,), limit)


def holding(document: str) -> Query:
    """The file with this current document."""
    return Query(FILES, (Where(DOCUMENT, Op.EQ, document),), (), 1)


def imports_of(path: str, limit: int) -> Query:
    """A file's ledger entries, the latest first."""
    return Query(OPERATIONS, (Where("path", Op.EQ, path),), ("-created_at",), limit)


def imports_of_key(content_key: str) -> Query:
    """Ledger entries of imports of a content."""
    return Query(OPERATIONS, (Where("content_key", Op.EQ, content_key),))


def imports_of_raw_file(name: str) -> Query:
    """The ledger entry of an import of a raw file; any one of them, since they have one path."""
    return Query(OPERATIONS, (Where("raw_file", Op.EQ, name),), limit=1)


def imports_since(at: datetime) -> Query:
    """Ledger entries of imports whose intent was written then or later."""
    return Query(OPERATIONS, (Where("created_at", Op.GE, at),))


def imports_between(at: datetime, end: datetime) -> Query:
    """Ledger entries of imports whose intent was written at ``at`` or later, before ``end``."""
    where = (Where("created_at", Op.GE, at), Where("created_at", Op.LT, end))
    return Query(OPERATIONS, where)


def imports_in(batch_id: str) -> Query:
    """Ledger entries of a batch's imports."""
    return Query(OPERATIONS, (Where("batch_id", Op.EQ, batch_id),))


def effective_imports_in(batch_id: str) -> Query:
    """Ledger entries of a batch's imports, without those that were refused for certain."""
    where = (Where("batch_id", Op.EQ, batch_id), Where("refused", Op.EQ, value=False))
    return Query(OPERATIONS, where)
