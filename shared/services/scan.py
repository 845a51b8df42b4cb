"""The scan: page by page, what the bucket wants against what the records say.

A page is a task of its own. It writes the records first and its own result last; a repeated page
finds its records written and decides the same again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.domain import lease as leases
from shared.domain import planning
from shared.domain.batches import Batch, BatchPhase, BatchStatus, DeletePolicy, PageResult, SyncMode
from shared.domain.content import digest
from shared.domain.errors import AlreadyExists, Denied, GatewayError, NotFound
from shared.domain.files import FileRecord
from shared.domain.lease import Lease
from shared.domain.metadata import base_name, is_sidecar, sidecar_name
from shared.gateways import queries
from shared.gateways.ports import ObjectInfo, QueueName, Task, Write
from shared.gateways.records import (
    LEASE,
    Stored,
    batch_path,
    creating,
    file_path,
    page_path,
    updating,
)
from shared.services.closing import Closing
from shared.services.context import PAYLOAD_VERSION, Context, Deadline, checked_payload
from shared.services.inspection import inspect


@dataclass(frozen=True, slots=True)
class _Page:
    """One range of names, start <= name < end (empty: no bound), with both its sides."""

    objects: list[ObjectInfo]
    records: list[Stored[FileRecord]]
    start: str
    next_start: str


def scan_task(batch: Batch, index: int) -> Task:
    """The task of the scan's page ``index``."""
    return Task(
        QueueName.CONTROL,
        digest("scan", batch.batch_id, index, batch.scan_attempt),
        "/control/scan",
        {"schema": PAYLOAD_VERSION, "batch": batch.batch_id, "index": index},
    )


class ScanBucket:
    """Handles the tasks of scan pages; goes on with the next page while there is time."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, payload: Mapping[str, Any]) -> int:
        """Scan from page ``index`` on; returns how many pages were done.

        Raises:
            GatewayError: the bucket can't be listed. Nothing is decided; the task comes again.
            ValueError: the payload is not one of ours.
        """
        batch_id, index = checked_payload(payload, batch=str, index=int)
        context = self._context
        deadline = Deadline.after(context.clock, context.rules.work_budget / 2)
        batch, lease, done, before = context.records.get_all(
            [
                (Batch, batch_path(batch_id)),
                (Lease, LEASE),
                (PageResult, page_path(batch_id, index)),
                (PageResult, page_path(batch_id, max(index - 1, 0))),
            ]
        )
        if batch.record is None or not self._is_scanning(batch.record):
            return 0
        previous: PageResult | None = before.record if index else None
        if index and previous is None:
            return 0  # its forerunner isn't done: the supervisor sees to the order
        result: PageResult | None = done.record
        pages = 0
        while result is None or result.next_start:
            if result is None:
                self._check_lease(batch.record, lease)
                try:
                    result = self._scan_page(batch.record, index, previous)
                except (Denied, NotFound) as error:
                    self._give_up(batch, error)
                    return pages
                if result is None:
                    return pages  # a second delivery was faster, and goes on
                pages += 1
            else:
                previous, result = result, None
                index += 1
                if deadline.passed:
                    context.queues.create(scan_task(batch.record, index))
                    return pages
                lease = context.records.get(Lease, LEASE)
        context.nudge(batch_id)
        return pages

    def _give_up(self, batch: Stored[Batch], error: GatewayError) -> None:
        """The bucket can't be read, and won't be by waiting: end the batch, touch nothing."""
        bucket = self._context.rules.bucket
        Closing(self._context).close(
            batch,
            BatchStatus.FAILED,
            f"the bucket {bucket!r} could not be listed ({error}): check that it exists and that "
            "the dispatcher may read it. Nothing was deleted",
        )

    def _is_scanning(self, batch: Batch) -> bool:
        return batch.status is BatchStatus.RUNNING and batch.phase is BatchPhase.SCANNING

    def _check_lease(self, batch: Batch, lease: Stored[Lease]) -> None:
        leases.check(
            lease.record,
            batch.batch_id,
            batch.nonce,
            batch.fence,
            lease.read_time,
            self._context.rules.lease,
        )

    def _scan_page(
        self, batch: Batch, index: int, previous: PageResult | None
    ) -> PageResult | None:
        context = self._context
        page = self._read(batch, previous.next_start if previous else "")
        wanted = inspect(context, *self._with_sidecars(page))
        counts = Counter(previous.counts if previous else {})
        counts["scanned"] += len(wanted)
        now = context.clock.now()
        by_path = {stored.present.path: stored for stored in page.records}
        writes: dict[str, Write] = {}
        pairs = planning.march(wanted, (stored.present for stored in page.records))
        for want, record in pairs:
            finding = self._compare(batch, want, record, now)
            if finding is None:
                continue
            counts[finding.change.value] += 1
            if finding.record is not None:
                path = finding.record.path
                writes[path] = _write(finding.record, by_path.get(path))
        if not batch.dry_run:
            wants = {want.path: want for want in wanted}
            self._commit(batch, writes, wants, now)
        result = PageResult(
            index=index,
            start=page.start,
            next_start=page.next_start,
            counts=dict(counts),
            completed_at=context.clock.now(),
            expires_at=batch.expires_at,
        )
        try:
            context.records.documents.commit([creating(page_path(batch.batch_id, index), result)])
        except AlreadyExists:
            return None
        return result

    def _compare(
        self,
        batch: Batch,
        want: planning.Wanted | None,
        record: FileRecord | None,
        now: datetime,
    ) -> planning.Finding | None:
        return planning.compare(
            want,
            record,
            batch_id=batch.batch_id,
            fence=batch.fence,
            removes=batch.delete_policy is DeletePolicy.MIRROR,
            retry_permanent=batch.mode is SyncMode.RETRY_FAILED,
            now=now,
        )

    def _commit(
        self,
        batch: Batch,
        writes: Mapping[str, Write],
        wanted: Mapping[str, planning.Wanted],
        now: datetime,
    ) -> None:
        """Write the findings; where a journey wrote first, look at its record and find again."""
        records = self._context.records
        names = {write.path: name for name, write in writes.items()}
        for write in records.commit_each(list(writes.values())):
            path = names[write.path]

            def decide(stored: Stored[FileRecord], path: str = path) -> FileRecord | None:
                finding = self._compare(batch, wanted.get(path), stored.record, now)
                return finding.record if finding else None

            records.change(FileRecord, write.path, decide)

    # --- reading a page ---------------------------------------------------------------------

    def _read(self, batch: Batch, start: str) -> _Page:
        """The next range of names; at most ``page_size`` of either side lie in it."""
        context = self._context
        size = context.rules.page_size
        objects = context.bucket.list_objects(prefix=batch.prefix, start=start, limit=size + 1)
        next_start = objects[size].name if len(objects) > size else ""
        first = max(start, batch.prefix)
        end = next_start or _end_of(batch.prefix)
        records = context.records.query(FileRecord, queries.records_in_range(first, end, size + 1))
        if len(records) > size:
            next_start = records[size].present.path
        return _Page(
            [info for info in objects[:size] if not next_start or info.name < next_start],
            records[:size],
            start,
            next_start,
        )

    def _with_sidecars(self, page: _Page) -> tuple[list[ObjectInfo], dict[str, ObjectInfo]]:
        """The page's objects, and the sidecars they may have, also those beyond its edges."""
        bucket = self._context.bucket
        names = {info.name for info in page.objects}
        sidecars = {info.name: info for info in page.objects if is_sidecar(info.name)}
        objects = []
        for info in page.objects:
            if info.name in sidecars:
                base = base_name(info.name)
                if base not in names and base < page.start and bucket.stat(base):
                    continue  # its base was on an earlier page, which saw this sidecar
            else:
                sidecar = sidecar_name(info.name)
                if page.next_start and sidecar >= page.next_start:
                    beyond = bucket.stat(sidecar)
                    if beyond is not None:
                        sidecars[sidecar] = beyond
            objects.append(info)
        return objects, sidecars


def _write(record: FileRecord, stored: Stored[FileRecord] | None) -> Write:
    if stored is None:
        return creating(file_path(record.path), record)
    return updating(stored.path, record, stored.version, stored.record)


def _end_of(prefix: str) -> str:
    """The first name after all that start with ``prefix``; empty where there is none."""
    if not prefix:
        return ""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)
