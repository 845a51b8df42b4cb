"""The scan: compares the bucket with the records, page by page.

The supervisor creates the task of the first page. A task scans pages while it has time, and creates
another for the rest. A page writes its records first and its own result last, so a repeated page
finds its records written and decides the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.domain.batch.batch import (
    Batch,
    BatchPhase,
    BatchStatus,
    PageResult,
    ScanFault,
    earliest,
)
from shared.domain.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Forbidden,
    GatewayError,
    LostLease,
    NotFound,
    PayerMissing,
)
from shared.domain.estimate.preview import Preview, joined
from shared.domain.ids import digest
from shared.gateways.database import queries
from shared.gateways.database.records import Stored, batch_path, creating, page_path
from shared.gateways.ports import QueueName, Task
from shared.log_labels import labelled
from shared.services.context import Context, Deadline
from shared.services.lease.close_batch import CloseBatch
from shared.services.lease.fencing import fenced
from shared.services.lease.set_aside import SetAside
from shared.services.scan.rescan_paths import RescanPaths
from shared.services.scan.scan_page import ScanPage
from shared.services.task_payload import PAYLOAD_VERSION, ScanPayload, checked_payload

MOST_FAULTS = 10
"""Tries of a page that fail for another reason than a remote service; then the batch ends."""

LISTING = "bucket.list_objects"
"""The call of which a 400 is about the bucket; that of a read is about one object."""


def scan_task(batch: Batch, index: int) -> Task:
    """The task of the scan's page ``index``."""
    return Task(
        QueueName.CONTROL,
        digest("scan", batch.batch_id, index, batch.scan_attempt),
        "/control/scan",
        {"schema": PAYLOAD_VERSION, "batch": batch.batch_id, "index": index},
    )


class ScanBucket:
    """Handles one delivery of a scan task."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, payload: Mapping[str, Any]) -> int:
        """Scan from the first page that has no result; returns how many pages were scanned.

        A task with a higher ``index`` than that page's belongs to no scan of this batch: ignored.

        Raises:
            GatewayError: the bucket can't be listed. Nothing is decided and Cloud Tasks retries the
                task; after ``rules.scan_patience`` the batch is closed instead.
            LostLease: the batch no longer scans, or another fence is in force, under which the
                supervisor creates the next task.
            InvalidTask: this version can't read the payload.
        """
        task = checked_payload(ScanPayload, payload)
        records = self._context.records
        batch = records.get(Batch, batch_path(task.batch))
        if batch.record is None or not _is_scanning(batch.record):
            return 0
        latest = records.query(PageResult, queries.latest_page(task.batch))
        previous = latest[0].present if latest else None
        if task.index > _next_index(previous):
            return 0
        with labelled(batch=task.batch, step="scan"):
            return self._fenced(batch).scan_pages(batch, previous)

    def _fenced(self, batch: Stored[Batch]) -> ScanBucket:
        """A scan that writes only while the batch scans under the fence that was read."""
        fence = batch.present.fence
        writing = fenced(
            self._context, batch, lambda known: known.fence == fence and _is_scanning(known)
        )
        return ScanBucket(writing)

    def scan_pages(self, batch: Stored[Batch], previous: PageResult | None) -> int:
        """Scan the pages after ``previous``, the latest one with a result, or all if it is None."""
        context = self._context
        deadline = Deadline.after(context.clock, context.rules.work_budget / 2)
        rescan_paths = RescanPaths(context)
        if SetAside(context, batch.present)():
            rescan_paths = RescanPaths(context)
        pages = 0
        while previous is None or previous.next_start:
            if deadline.passed:
                context.queues.create(scan_task(batch.present, _next_index(previous)))
                return pages
            try:
                result = self._scan_page(batch.present, previous, rescan_paths)
            except GatewayError as error:
                if not self._give_up(batch, previous, error):
                    raise
                return pages
            except (Conflict, LostLease):  # others write; another try or another call goes on
                raise
            except Exception as error:
                if not self._give_up_page(batch, previous, error):
                    raise
                return pages
            if result is None:
                return pages  # another delivery has scanned the page, and continues
            previous = result
            pages += 1
        context.nudge(batch.present.batch_id)
        return pages

    def _scan_page(
        self, batch: Batch, previous: PageResult | None, rescan_paths: RescanPaths
    ) -> PageResult | None:
        context = self._context
        index = _next_index(previous)
        start = previous.next_start if previous else ""
        page = ScanPage(context, batch, rescan_paths)(start)
        counts = Counter(previous.counts if previous else {})
        counts.update(page.counts)
        before = previous.oldest_change if previous else None
        result = PageResult(
            index=index,
            start=start,
            next_start=page.next_start,
            counts=dict(counts),
            preview=_joined_preview(previous, page.preview),
            oldest_change=earliest(before, page.oldest_change),
            names=page.names,
            completed_at=context.clock.now(),
            expires_at=batch.expires_at,
        )
        records, path = context.records, page_path(batch.batch_id, index)
        try:
            records.documents.commit([creating(path, result), *page.memory])
        except AlreadyExists:
            there = records.get(PageResult, path)
            if there.damage is None:
                return None
            records.write(there, result, page.memory)
        return result

    def _give_up(
        self, batch: Stored[Batch], previous: PageResult | None, error: GatewayError
    ) -> bool:
        """Close the batch if the error will stay or has lasted too long; whether it was closed."""
        if not error.is_of_bucket:
            return False  # the database fails: it could not close the batch either
        rules, bucket = self._context.rules, self._context.rules.settings.bucket
        since = previous.completed_at if previous else batch.present.started_at
        if advice := _advice(error):
            message = (
                f"the bucket {bucket!r} could not be listed ({error}): {advice}, then sync again. "
                "Nothing was deleted"
            )
        elif since and self._context.clock.now() - since >= rules.scan_patience:
            message = (
                f"page {_next_index(previous) + 1} of the bucket {bucket!r} could not be "
                f"listed for {rules.scan_patience} ({error}). Nothing was deleted; sync again when "
                "Cloud Storage answers"
            )
        else:
            return False
        CloseBatch(self._context).close_from_outside(batch.path, BatchStatus.FAILED, message)
        return True

    def _give_up_page(
        self, batch: Stored[Batch], previous: PageResult | None, error: Exception
    ) -> bool:
        """Close the batch if the page has failed ``MOST_FAULTS`` times; whether it was closed.

        Such an error is a defect of the code or a damaged record, which no wait repairs.
        """
        index = _next_index(previous)

        def counted(stored: Stored[Batch]) -> Batch:
            if stored.record is None or not _is_scanning(stored.record):
                raise LostLease("the batch no longer scans") from error
            known = stored.record.scan_fault
            times = known.times + 1 if known and known.page == index else 1
            return replace(stored.record, scan_fault=ScanFault(index, times))

        changed = self._context.records.change(Batch, batch.path, counted)
        fault = changed.present.scan_fault
        if fault is None or fault.times < MOST_FAULTS:
            return False
        start = previous.next_start if previous else batch.present.prefix
        message = (
            f"page {index + 1} of the bucket {self._context.rules.settings.bucket!r}, from the "
            f"name {start!r} on, could not be scanned in {MOST_FAULTS} tries "
            f"({type(error).__name__}: {error}). Nothing was deleted; the function's log has the "
            "traceback"
        )
        CloseBatch(self._context).close_from_outside(batch.path, BatchStatus.FAILED, message)
        return True


def _advice(error: GatewayError) -> str | None:
    """What to do about an error that will stay; None for one that may pass."""
    if isinstance(error, PayerMissing):
        return (
            "its requesters pay, so set BILLING_PROJECT to the project that does, and grant the "
            "functions' accounts roles/serviceusage.serviceUsageConsumer on it"
        )
    if isinstance(error, Forbidden | NotFound):
        return (
            "check that it exists and that the dispatcher may read it, and may use the project "
            "that BILLING_PROJECT names, if any"
        )
    if isinstance(error, BadRequest) and error.call == LISTING:
        return "Cloud Storage refuses this request each time: check BUCKET, PREFIX, BILLING_PROJECT"
    return None


def _next_index(previous: PageResult | None) -> int:
    return previous.index + 1 if previous else 0


def _joined_preview(previous: PageResult | None, page: Preview | None) -> Preview | None:
    """A dry run's preview of all pages so far, including ``page``."""
    if page is None or previous is None or previous.preview is None:
        return page
    return joined(previous.preview, page)


def _is_scanning(batch: Batch) -> bool:
    return batch.status is BatchStatus.RUNNING and batch.phase is BatchPhase.SCANNING
