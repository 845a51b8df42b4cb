"""Closes a batch: stores its final figures and releases the lease, in one commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.domain.batch import lease as leases
from shared.domain.batch.batch import Batch, BatchPhase, BatchStatus, PageResult
from shared.domain.batch.lease import Lease
from shared.domain.batch.left import Left, LeftReason
from shared.domain.deployment.deployment import Deployment
from shared.domain.deployment.freshness import after_end, freshness
from shared.domain.errors import KEY_ADVICE, LostLease
from shared.domain.file import setting_aside
from shared.domain.file.record import UNFINISHED, Change, FileRecord, FileStatus
from shared.domain.throttle.breaker_state import BreakerState
from shared.gateways.database import queries
from shared.gateways.database.records import (
    BREAKER,
    DEPLOYMENT,
    LEASE,
    Stored,
    cas_retrying,
    replacing,
    updating,
)
from shared.gateways.ports import Write
from shared.services.context import Context
from shared.services.lease.closing_event import log_end
from shared.services.lease.set_aside import SetAside

ACCOUNT_FAULT = (
    "Gemini refuses the account, or the store is gone: check the API key, its project and the "
    "store's permissions, then sync again, which tells these cases apart. No file was marked as "
    f"failed for it. {KEY_ADVICE}"
)

ASIDE = (Change.SET_ASIDE, setting_aside.UNKNOWN_PATHS)
"""Counts of a scan that tell of files that are set aside."""

MOST_ASIDE = 100
"""Files that are set aside, of which a message tells the exact number."""

REQUESTS = ("metered", "throttled", "unmetered")
"""The kinds of requests that are counted."""


WAITING = (*UNFINISHED, FileStatus.REMOVAL_CANDIDATE)
"""Statuses of the files that a batch leaves."""

_WHY = {
    BatchStatus.CANCELLED: LeftReason.CANCELLED,
    BatchStatus.REFUSED: LeftReason.REFUSED,
    BatchStatus.FAILED: LeftReason.FAILED,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a batch so far.

    Attributes:
        counts: The batch's files that were indexed and deleted, and all failed and unreadable
            files of the deployment.
        requests: Requests made for the batch's files.
        cost: Estimated cost of the batch's imports, without those that were refused for certain.
        files: The batch's files, whatever became of them.
    """

    counts: Mapping[str, int]
    requests: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(REQUESTS, 0))
    cost: float = 0.0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Why:
    """Why a batch leaves files, and until when if that is known."""

    reason: LeftReason
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """How a batch ends.

    ``by`` is the supervisor that closes it; empty means another caller. ``why`` is None if the
    status says why files are left.
    """

    status: BatchStatus
    message: str
    by: str = ""
    figures: Figures | None = None
    why: Why | None = None


class CloseBatch:
    """Closes batches."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def finish(self, held: Stored[Batch], drift: str, *, is_all_done: bool = True) -> Stored[Batch]:
        """Close a batch whose work is done.

        Args:
            held: The batch.
            drift: How store and records differ.
            is_all_done: Whether no file is left to the next sync.

        Raises:
            LostLease: another call supervises the batch.
        """
        batch = held.present
        figures = self._figures(batch)
        status = BatchStatus.COMPLETED if is_all_done else BatchStatus.DEFERRED
        if figures.counts["failed"]:
            status = BatchStatus.COMPLETED_WITH_FAILURES
        if batch.refusal is not None:
            status = BatchStatus.REFUSED
        message = " ".join(filter(None, (batch.message, drift)))
        why = None if is_all_done or status is BatchStatus.REFUSED else Why(LeftReason.CHANGING)
        end = _End(status, message, batch.supervisor, figures, why)
        return self._close_retrying(held.path, end)

    def close(
        self, held: Stored[Batch], status: BatchStatus, message: str, why: Why | None = None
    ) -> Stored[Batch]:
        """Close the batch as its supervisor, and release the lease.

        ``why`` tells why files are left, if ``status`` doesn't.

        Raises:
            LostLease: another call supervises the batch.
            Conflict: the batch or the lease keeps changing.
        """
        end = _End(status, message, held.present.supervisor, why=why)
        return self._close_retrying(held.path, end)

    def close_from_outside(self, path: str, status: BatchStatus, message: str) -> Stored[Batch]:
        """Close the batch, whichever call supervises it.

        A supervisor that is at work finishes its step, and releases the lease when it ends.
        """
        return self._close_retrying(path, _End(status, message))

    def _close_retrying(self, path: str, end: _End) -> Stored[Batch]:
        retrying = cas_retrying(self._context.clock)
        return retrying(lambda: self._close(path, end))

    def _close(self, path: str, end: _End) -> Stored[Batch]:
        context = self._context
        batch, breaker = context.records.get_all([(Batch, path), (BreakerState, BREAKER)])
        if batch.present.status.is_terminal:
            return batch
        if end.by and batch.present.supervisor != end.by:
            raise LostLease("another call supervises the batch")
        busy = batch.present.is_supervised(batch.read_time) and batch.present.supervisor != end.by
        figures = end.figures or self._figures(batch.present)
        oldest = batch.present.oldest_change or self._oldest_of_pages(batch.present)
        aside = self._said_of_aside(batch.present, figures)
        closed = replace(
            batch.present,
            status=end.status,
            phase=BatchPhase.CLOSED,
            message=" ".join(filter(None, (end.message, aside))),
            counts={**batch.present.counts, **figures.counts},
            requests=dict(figures.requests),
            cost=figures.cost,
            oldest_change=oldest,
            left=self._left(batch.present, end),
            progress=None,
            spare=None,
            supervisor=batch.present.supervisor if busy else "",
            supervised_until=batch.present.supervised_until if busy else None,
            completed_at=context.clock.now(),
        )
        writes: list[Write] = [updating(batch.path, closed, batch.version, batch.record)]
        age = self._note_freshness(closed, writes)
        if not busy:
            writes += self._release_writes(closed)
        if breaker.record is not None and breaker.record.running == closed.batch_id:
            writes.append(replacing(breaker, replace(breaker.record, running="", part="")))
        versions = context.records.documents.commit(writes)
        log_end(closed, age)
        return Stored(batch.path, closed, versions[0], batch.read_time)

    def _oldest_of_pages(self, batch: Batch) -> datetime | None:
        """When the oldest change was made that a scan has found which isn't complete."""
        if batch.scanning_since is None or batch.scanned_at is not None:
            return None
        pages = self._context.records.query(PageResult, queries.latest_page(batch.batch_id))
        return pages[0].present.oldest_change if pages else None

    def _note_freshness(self, batch: Batch, writes: list[Write]) -> timedelta | None:
        """The age of the oldest change made searchable; what is left is noted in ``writes``."""
        if batch.oldest_change is None and not batch.counts["indexed"]:
            return None  # saves the read
        stored = self._context.records.get(Deployment, DEPLOYMENT)
        if stored.record is not None:
            after = after_end(stored.record, batch)
            if after != stored.record:
                writes.append(updating(stored.path, after, stored.version, stored.record))
        return freshness(batch, stored.record, self._context.clock.now())

    def _left(self, batch: Batch, end: _End) -> Left | None:
        """What the batch leaves; None in a dry run, which takes nothing up."""
        if batch.dry_run:
            return None
        by_status = _WHY.get(end.status)
        why = end.why or (Why(by_status) if by_status else None)
        if why is None:  # all is done
            return Left()
        documents = self._context.records.documents
        if why.reason is LeftReason.CHANGING:
            files = documents.count(queries.left_in(batch.batch_id))
        else:
            part = self._context.rules.settings.part(batch.prefix)
            files = documents.count(queries.below(part, queries.with_status(*WAITING)))
        return Left(files, why.reason, why.until) if files else Left()

    def _said_of_aside(self, batch: Batch, figures: Figures) -> str:
        """Names the files that this batch set aside, or that still are; empty without any."""
        records = self._context.records
        unknown = self._set_aside_unknown(batch, figures)
        if not (unknown or batch.sets_aside or any(map(batch.counts.get, ASIDE))):
            return ""
        ever = self._context.clock.now() + self._context.rules.file.import_deadline
        found = records.query(FileRecord, queries.set_aside_in(batch.batch_id, MOST_ASIDE))
        still = records.query(FileRecord, queries.set_aside(ever, MOST_ASIDE))
        if still:
            records.change(Deployment, DEPLOYMENT, _setting_aside)
        names = [*dict.fromkeys(each.present.path or each.path for each in (*found, *still))]
        return setting_aside.message(names, are_all=len(names) < MOST_ASIDE) if names else ""

    def _set_aside_unknown(self, batch: Batch, figures: Figures) -> bool:
        """Set aside files of the batch with a status that isn't known: no other query finds them.

        Returns whether there are any. If all files are indexed, there can't be.
        """
        if figures.files == figures.counts["indexed"]:
            return False
        records, id_ = self._context.records, batch.batch_id
        if figures.files == records.documents.count(queries.readable_of_batch(id_)):
            return False
        records.query(FileRecord, queries.all_of_batch(id_))
        return bool(SetAside(self._context, batch)())

    def _release_writes(self, batch: Batch) -> list[Write]:
        """The write that releases the batch's lease; none if the batch does not hold it."""
        lease = self._context.records.get(Lease, LEASE)
        try:
            released = leases.release(
                lease.record, batch.batch_id, batch.nonce, batch.fence, lease.read_time
            )
        except LostLease:
            return []
        if released == lease.record:
            return []
        after = replace(released, first_slot_at=batch.next_slot_at or batch.first_slot_at)
        return [updating(LEASE, after, lease.version, lease.record)]

    def release_lease(self, batch: Batch) -> None:
        """Release the lease of a closed batch that no call supervises."""
        writes = self._release_writes(batch)
        if writes:
            self._context.records.documents.commit(writes)

    def _figures(self, batch: Batch) -> Figures:
        documents = self._context.records.documents
        counts = {
            "indexed": 0,
            "deleted": 0,
            "failed": documents.count(queries.with_status(FileStatus.FAILED)),
            "unreadable": documents.count(queries.unreadable(None)),
        }
        files = documents.count(queries.all_of_batch(batch.batch_id))
        if not files:
            return Figures(counts)  # this read saves the four below
        counts["indexed"] = documents.count(queries.of_batch(batch.batch_id, FileStatus.INDEXED))
        counts["deleted"] = documents.count(queries.removed_in(batch.batch_id))
        sums = documents.sums(queries.all_of_batch(batch.batch_id), queries.REQUESTS)
        requests = {name.rpartition(".")[2]: int(count) for name, count in sums.items()}
        cost = documents.sums(queries.imports_in(batch.batch_id), [queries.COST])[queries.COST]
        return Figures(counts, requests, cost, files)


def _setting_aside(stored: Stored[Deployment]) -> Deployment | None:
    return stored.record and replace(stored.record, sets_aside=True)
