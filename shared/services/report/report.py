"""Answers about batches, files, the store and the breaker, as JSON-ready dictionaries."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from shared.domain.batch.batch import Batch, PageResult, is_batch_id
from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import InvalidRequest
from shared.domain.estimate.preview import Names
from shared.domain.file import ledger
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.ids import file_id
from shared.domain.page_token import last_item, page_token
from shared.domain.reconcile.state import ReconcileState
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.gateways.database import queries
from shared.gateways.database.records import (
    DEPLOYMENT,
    Records,
    batch_path,
    file_path,
    reconcile_path,
)
from shared.gateways.ports import Query
from shared.services.progress import count
from shared.services.report.file_lists import FileLists
from shared.services.report.file_rows import FAILURE, damaged_row, file_row, import_row
from shared.services.report.overview import NextRun, Overview
from shared.services.report.running import progress_row
from shared.services.report.summary import summary
from shared.services.report.throttle import ThrottleReport

SAMPLE = 100
"""Skips, and failures, listed in the answer about a batch; ``files`` pages through all."""

IMPORTS = 20
"""Imports listed in the answer about a file, the latest first."""


def _never(_now: datetime) -> None:
    """No sync is scheduled."""


class Report:
    """Reads records and never writes. None means that the thing asked about does not exist."""

    def __init__(self, records: Records, policy: BreakerPolicy, next_run: NextRun = _never) -> None:
        self._records = records
        self._throttle = ThrottleReport(records, policy)
        self.overview = Overview(records, self._throttle, next_run)
        self.lists = FileLists(records)

    def batches(self, limit: int, before: str = "") -> list[dict[str, Any]]:
        """Summaries of the latest batches, without skips and failures.

        Args:
            limit: How many batches at most.
            before: The id of a batch; only batches older than it are listed.

        Raises:
            InvalidRequest: the batch ``before`` does not exist, or no longer.
        """
        query = queries.latest_batches(limit)
        if before:
            known = self._records.get(Batch, batch_path(before)).record
            if known is None:
                raise InvalidRequest("page_token has expired: list again without it")
            query = query.after(known.created_at, before)
        found = self._records.query(Batch, query)
        running = next((each for each in found if not each.present.status.is_terminal), None)
        return [
            self._running(each.present, each.read_time)
            if each is running
            else summary(each.present, each.read_time)
            for each in found
        ]

    def _running(self, batch: Batch, now: datetime) -> dict[str, Any]:
        """The summary of the one batch of a list that is not over: its figures are counted."""
        return summary(batch, now, progress=count(self._records, batch, now))

    def history(self, token: str, limit: int) -> dict[str, Any]:
        """A page of ``batches`` with the token of the next page, which is empty on the last page.

        Raises:
            InvalidRequest: ``token`` is of another list, or its batch is no longer kept.
        """
        found = self.batches(limit, last_item(token, "batches"))
        more = len(found) == limit
        last = found[-1]["batch_id"] if more else ""
        return {"batches": found, "next_page_token": last and page_token(last, "batches")}

    def batch(self, batch_id: str) -> dict[str, Any] | None:
        """One batch: its summary with up to ``SAMPLE`` skips and failures, and its progress."""
        if not is_batch_id(batch_id):
            return None
        stored = self._records.get(Batch, batch_path(batch_id))
        if stored.record is None:
            return None
        batch, now, over = stored.record, stored.read_time, stored.record.status.is_terminal
        progress = None if over else count(self._records, batch, now)
        throttle = self._throttle.of_batch(batch, now)
        told = summary(
            batch,
            now,
            self._sample(FileStatus.SKIPPED),
            self._sample(FileStatus.FAILED),
            progress=progress,
            hold=throttle["hold"],
        )
        findings = self._findings(batch)
        return {
            **told,
            "phase": batch.phase.value,
            "findings": findings,
            "progress": progress_row(batch, progress, throttle["breaker"]["slowdown"], now),
            **throttle,
        }

    def files(
        self, batch_id: str, status: FileStatus | None, token: str, limit: int
    ) -> dict[str, Any] | None:
        """One page of a batch's files, with the token of the next page.

        With ``status`` SKIPPED or FAILED the files are those of the whole deployment: a file keeps
        that status over many batches, and each batch's summary lists it.

        Raises:
            InvalidRequest: ``token`` is of another list.
        """
        if not is_batch_id(batch_id):
            return None
        if status in (FileStatus.SKIPPED, FileStatus.FAILED):
            query = queries.with_status(status, limit=limit)
        elif status is not None:
            query = queries.of_batch(batch_id, status, limit)
        else:
            query = queries.all_of_batch(batch_id, limit)
        found, following = self._page(query, token, "files", batch_id, status)
        return {"files": [file_row(each) for each in found], "next_page_token": following}

    def changes(self, batch_id: str, token: str) -> dict[str, Any] | None:
        """What a dry run would change on one page of its scan, with the token of the page before.

        The last page of the scan comes first, since that order has an index.

        Raises:
            InvalidRequest: ``token`` is of another list.
        """
        if not is_batch_id(batch_id):
            return None
        last, query = last_item(token, "changes", batch_id), queries.latest_page(batch_id)
        found = self._records.query(PageResult, query.after(int(last)) if last else query)
        page = found[0].present if found else None
        names = page.names if page and page.names else Names()
        more = page if page and page.index else None
        following = page_token(str(more.index), "changes", batch_id) if more else ""
        return {
            "changes": [
                {"change": kind, "path": path}
                for kind, paths in names.by_kind.items()
                for path in paths
            ],
            "unlisted": names.unlisted,
            "next_page_token": following,
        }

    def failures(self, token: str, limit: int) -> dict[str, Any]:
        """One page of the deployment's failed files, with the token of the next page.

        Raises:
            InvalidRequest: ``token`` is of another list.
        """
        query = queries.with_status(FileStatus.FAILED, limit=limit)
        found, following = self._page(query, token, "failures")
        rows = [{name: file_row(each)[name] for name in FAILURE} for each in found]
        return {"failures": rows, "next_page_token": following}

    def _page(self, query: Query, token: str, *listing: object) -> tuple[list[FileRecord], str]:
        """A page of files by id, and the token of the next page, which is empty on the last."""
        last = last_item(token, *listing)
        found = self._records.query(FileRecord, query.after(last) if last else query)
        more = len(found) == query.limit
        following = page_token(file_id(found[-1].present.path), *listing) if more else ""
        return [stored.present for stored in found], following

    def file(self, path: str) -> dict[str, Any] | None:
        """One file's row, and its latest imports."""
        stored = self._records.get(FileRecord, file_path(path))
        if stored.damage is not None:
            return {"files": [damaged_row(path, str(stored.damage.fault))], "imports": []}
        record = stored.record
        if record is None:
            return None
        imports = self._records.query(LedgerEntry, queries.imports_of(path, IMPORTS))
        rows = [import_row(ledger.known(each.present, record)) for each in imports]
        return {"files": [file_row(record)], "imports": rows}

    def store(self) -> dict[str, Any]:
        """Names of the store in use, the one being filled and the one left; empty for none.

        ``owner`` is the owner tag of the deployment's documents, by which applications filter.
        """
        known = self._records.get(Deployment, DEPLOYMENT).record
        return {
            "store": known.store if known else "",
            "next_store": known.next_store if known else "",
            "previous_store": known.previous_store if known else "",
            "owner": known.owner if known else "",
        }

    def breaker(self) -> dict[str, Any]:
        """The breaker's state, and the hold in force, or None."""
        return self._throttle.breaker()

    def _findings(self, batch: Batch) -> list[dict[str, str]]:
        """Examples of each kind of discrepancy that the batch's reconcile found."""
        if not batch.reconciliation:
            return []
        state = self._records.get(ReconcileState, reconcile_path(batch.batch_id)).record
        return [asdict(finding) for finding in state.findings] if state else []

    def _sample(self, status: FileStatus) -> list[FileRecord]:
        query = queries.with_status(status, limit=SAMPLE)
        return [stored.present for stored in self._records.query(FileRecord, query)]
