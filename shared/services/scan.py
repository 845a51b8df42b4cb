"""The scan: page by page, what the bucket wants against what the records say.

The supervisor makes the first page's task; a task goes on while there is time and leaves the rest
to another. A page writes its records first and its own result last, so a repeated page finds its
records written, and decides the same again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from shared.domain import lease as leases
from shared.domain.batches import Batch, BatchPhase, BatchStatus, PageResult
from shared.domain.content import digest
from shared.domain.errors import AlreadyExists, Denied, GatewayError, NotFound
from shared.domain.foresight import Foresight, joined
from shared.domain.lease import Lease
from shared.gateways.ports import QueueName, Task
from shared.gateways.records import LEASE, Stored, batch_path, creating, page_path
from shared.services.closing import Closing
from shared.services.context import PAYLOAD_VERSION, Context, Deadline, checked_payload
from shared.services.scan_page import ScanPage, Unsettled


def scan_task(batch: Batch, index: int) -> Task:
    """The task of the scan's page ``index``."""
    return Task(
        QueueName.CONTROL,
        digest("scan", batch.batch_id, index, batch.scan_attempt),
        "/control/scan",
        {"schema": PAYLOAD_VERSION, "batch": batch.batch_id, "index": index},
    )


class ScanBucket:
    """Handles the tasks of scan pages."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, payload: Mapping[str, Any]) -> int:
        """Scan from page ``index`` on; returns how many pages were done.

        Raises:
            GatewayError: the bucket can't be listed. Nothing is decided; the task comes again.
            LostLease: the batch has another supervisor by now, who makes the next task.
            InvalidTask: the payload is not one of ours.
        """
        batch_id, index = checked_payload(payload, batch=str, index=int)
        batch, result, before = self._context.records.get_all(
            [
                (Batch, batch_path(batch_id)),
                (PageResult, page_path(batch_id, index)),
                (PageResult, page_path(batch_id, max(index - 1, 0))),
            ]
        )
        previous: PageResult | None = before.record if index else None
        if batch.record is None or not _is_scanning(batch.record) or (index and not previous):
            return 0
        try:
            return self._scan(batch.record, index, previous, result.record)
        except (Denied, NotFound) as error:
            self._give_up(batch, error)
            return 0

    def _scan(
        self, batch: Batch, index: int, previous: PageResult | None, result: PageResult | None
    ) -> int:
        """Go on from page ``index``, whose ``result`` is known where it was done before."""
        context = self._context
        deadline = Deadline.after(context.clock, context.rules.work_budget / 2)
        unsettled = Unsettled(context, batch)
        pages = 0
        while True:
            if result is None:
                result = self._scan_page(batch, index, previous, unsettled)
                pages += 1
            if result is None:
                return pages  # a second delivery was faster, and goes on
            if not result.next_start:
                context.nudge(batch.batch_id)
                return pages
            previous, result, index = result, None, index + 1
            if deadline.passed:
                context.queues.create(scan_task(batch, index))
                return pages

    def _scan_page(
        self, batch: Batch, index: int, previous: PageResult | None, unsettled: Unsettled
    ) -> PageResult | None:
        context = self._context
        start = previous.next_start if previous else ""
        page = ScanPage(context, batch, unsettled, lambda: self._check_lease(batch))(start)
        counts = Counter(previous.counts if previous else {})
        counts.update(page.counts)
        result = PageResult(
            index=index,
            start=start,
            next_start=page.next_start,
            counts=dict(counts),
            foresight=_together(previous, page.foresight),
            completed_at=context.clock.now(),
            expires_at=batch.expires_at,
        )
        try:
            context.records.documents.commit(
                [creating(page_path(batch.batch_id, index), result), *page.memory]
            )
        except AlreadyExists:
            return None
        return result

    def _check_lease(self, batch: Batch) -> None:
        lease = self._context.records.get(Lease, LEASE)
        leases.check(
            lease.record,
            batch.batch_id,
            batch.nonce,
            batch.fence,
            lease.read_time,
            self._context.rules.lease,
        )

    def _give_up(self, batch: Stored[Batch], error: GatewayError) -> None:
        """The bucket can't be read, and won't be by waiting: end the batch, touch nothing."""
        bucket = self._context.rules.bucket
        Closing(self._context).close_from_outside(
            batch.path,
            BatchStatus.FAILED,
            f"the bucket {bucket!r} could not be listed ({error}): check that it exists and that "
            "the dispatcher may read it. Nothing was deleted",
        )


def _together(previous: PageResult | None, page: Foresight | None) -> Foresight | None:
    """A dry run's foresight of all pages so far."""
    if page is None or previous is None or previous.foresight is None:
        return page
    return joined(previous.foresight, page)


def _is_scanning(batch: Batch) -> bool:
    return batch.status is BatchStatus.RUNNING and batch.phase is BatchPhase.SCANNING
