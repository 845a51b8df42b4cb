"""Counts what a running batch has done, and what is left. A closed batch has its final figures."""

from __future__ import annotations

from datetime import datetime

from shared.domain.batch.batch import Batch, PageResult
from shared.domain.batch.progress import Progress, requests_of
from shared.domain.file.record import IN_FLIGHT, FileStatus
from shared.domain.throttle import holds
from shared.gateways.database import queries
from shared.gateways.database.records import Records


def count(records: Records, batch: Batch, now: datetime) -> Progress:
    """Count the batch's files, requests and costs, in one read for each thousand of a kind.

    What is done is counted first, and what waits last. So a file that is moved on meanwhile may be
    missed, which a later look makes up for, and none is counted twice.
    """
    documents, batch_id, cost = records.documents, batch.batch_id, queries.COST

    def of_batch(*statuses: FileStatus) -> int:
        return documents.count(queries.below(batch.prefix, queries.with_status(*statuses)))

    spent = None
    if batch.budget is not None:
        of_day = queries.imports_since(holds.quota_day_began(now))
        spent = documents.sums(of_day, [cost])[cost]
    done = {
        "indexed": documents.count(queries.of_batch(batch_id, FileStatus.INDEXED)),
        "deleted": documents.count(queries.removed_in(batch_id)),
    }
    in_progress, waiting = of_batch(*IN_FLIGHT), of_batch(FileStatus.PENDING)
    return Progress(
        counted_at=now,
        counts={
            **scan_counts(records, batch),
            **done,
            "failed": documents.count(queries.with_status(FileStatus.FAILED)),
            "unreadable": documents.count(queries.unreadable(None)),
        },
        requests=requests_of(documents.sums(queries.all_of_batch(batch_id), queries.REQUESTS)),
        waiting=waiting,
        in_progress=in_progress,
        removing=of_batch(FileStatus.DELETING, FileStatus.REMOVAL_CANDIDATE),
        cost=documents.sums(queries.imports_in(batch_id), [cost])[cost],
        spent=spent,
    )


def scan_counts(records: Records, batch: Batch) -> dict[str, int]:
    """The counts of the batch's scan, complete or so far."""
    if batch.counts:
        return dict(batch.counts)
    pages = records.query(PageResult, queries.latest_page(batch.batch_id))
    return dict(pages[0].present.counts) if pages else {}
