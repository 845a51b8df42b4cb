"""Answers about batches, files, the store and the breaker, as JSON-ready dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.batch.batch import Batch, PageResult, counts_by_rule, is_batch_id
from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import InvalidRequest
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import IN_FLIGHT, Aside, Change, Failure, FileRecord, FileStatus
from shared.domain.ids import file_id
from shared.domain.page_token import last_item, page_token
from shared.domain.reconcile.state import ReconcileState
from shared.domain.throttle import breaker, holds
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.holds import HoldReason
from shared.gateways.database import queries
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import (
    BREAKER,
    DEPLOYMENT,
    Records,
    batch_path,
    file_path,
    reconcile_path,
)
from shared.gateways.ports import Clock, Query

SAMPLE = 100
"""Skips, and failures, listed in the answer about a batch; ``files`` pages through all."""

IMPORTS = 20
"""Imports listed in the answer about a file, the latest first."""

FAILURE = (
    "path", "reason", "kind", "attempts", "code", "failed_at", "eligible_at", "batch_id",
)  # fmt: skip
"""The fields of a row of ``failures``."""


class Report:
    """Reads records and never writes. None means that the thing asked about does not exist."""

    def __init__(self, records: Records, clock: Clock, policy: BreakerPolicy) -> None:
        self._records = records
        self._clock = clock
        self._policy = policy

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
        return [summary(each.present, [], []) for each in self._records.query(Batch, query)]

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
        batch = stored.record
        counts = batch.counts if batch.status.is_terminal else self._counts(batch)
        requests = batch.requests if batch.status.is_terminal else self._requests(batch)
        if not batch.status.is_terminal:
            batch = self._with_money(batch, stored.read_time)
        skipped = self._sample(FileStatus.SKIPPED)
        failed = self._sample(FileStatus.FAILED)
        return {
            **summary(batch, skipped, failed, counts=counts, requests=requests),
            "phase": batch.phase.value,
            "findings": self._findings(batch),
            "progress": self._progress(batch, counts, stored.read_time),
            **self._throttle(batch, stored.read_time),
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
        rows = [import_row(each.present) for each in imports]
        return {"files": [file_row(record)], "imports": rows}

    def store(self) -> dict[str, Any]:
        """Names of the store in use, the one being filled and the one left; empty for none."""
        known = self._records.get(Deployment, DEPLOYMENT).record
        return {
            "store": known.store if known else "",
            "next_store": known.next_store if known else "",
            "previous_store": known.previous_store if known else "",
        }

    def breaker(self) -> dict[str, Any]:
        """The breaker's state, and the hold in force, or None."""
        state = self._records.get(BreakerState, BREAKER)
        known = state.record or BreakerState()
        standing = holds.in_force(known.hold, state.read_time)
        return {
            "breaker": {
                "state": known.state.value,
                "generation": known.generation,
                "learned_factor": known.learned_factor,
                "slowdown": round(breaker.slowdown(known, self._policy), 3),
                "hold_until": _time(known.hold_until),
                "cooldown_until": _time(known.cooldown_until),
            },
            "hold": standing
            and {"reason": standing.reason.value, "until": _time(standing.hold_until)},
        }

    def _throttle(self, batch: Batch, now: datetime) -> dict[str, Any]:
        """The breaker and the hold, which may be one of the batch alone."""
        found = self.breaker()
        if found["hold"] is None and batch.hold is not None and self._holds(batch, now):
            found["hold"] = {"reason": batch.hold.value, "until": _time(batch.hold_until)}
        return found

    def _holds(self, batch: Batch, now: datetime) -> bool:
        """Whether the batch's hold is still in force; the batch may be over."""
        if not batch.status.is_terminal:
            return True
        if batch.hold is HoldReason.OTHER_DEPLOYMENT:
            known = self._records.get(Deployment, DEPLOYMENT).record
            return known is not None and bool(known.other_documents)
        return batch.hold_until is not None and now < batch.hold_until

    # --- figures of a running batch ---------------------------------------------------------

    def _counts(self, batch: Batch) -> dict[str, int]:
        documents = self._records.documents
        counts = dict(batch.counts)
        if not counts:
            pages = self._records.query(PageResult, queries.latest_page(batch.batch_id))
            counts = dict(pages[0].present.counts) if pages else {}
        counts["indexed"] = documents.count(queries.of_batch(batch.batch_id, FileStatus.INDEXED))
        counts["deleted"] = documents.count(queries.removed_in(batch.batch_id))
        counts["failed"] = documents.count(queries.with_status(FileStatus.FAILED))
        counts["unreadable"] = documents.count(queries.unreadable(None))
        return counts

    def _requests(self, batch: Batch) -> dict[str, int]:
        sums = self._records.documents.sums(queries.all_of_batch(batch.batch_id), queries.REQUESTS)
        return {name.rpartition(".")[2]: int(count) for name, count in sums.items()}

    def _with_money(self, batch: Batch, now: datetime) -> Batch:
        """The batch with what it and the day have cost so far."""
        documents, cost = self._records.documents, queries.COST
        of_batch = documents.sums(queries.imports_in(batch.batch_id), [cost])[cost]
        if batch.budget is None:
            return replace(batch, cost=of_batch)
        of_day = documents.sums(queries.imports_since(holds.quota_day_began(now)), [cost])[cost]
        return replace(batch, cost=of_batch, budget=replace(batch.budget, spent=of_day))

    def _progress(self, batch: Batch, counts: Mapping[str, int], now: datetime) -> dict[str, Any]:
        documents = self._records.documents
        over = batch.status.is_terminal
        waiting = 0 if over else documents.count(queries.with_status(FileStatus.PENDING))
        in_progress = 0 if over else documents.count(queries.with_status(*IN_FLIGHT))
        removing = (
            0
            if over
            else documents.count(
                queries.with_status(FileStatus.DELETING, FileStatus.REMOVAL_CANDIDATE)
            )
        )
        done = counts.get("indexed", 0) + counts.get("deleted", 0)
        left = waiting + in_progress + removing
        minutes = max((now - (batch.started_at or now)) / timedelta(minutes=1), 1 / 60)
        rate = done / minutes
        return {
            "total": done + left,
            "done": done,
            "waiting": waiting,
            "in_progress": in_progress + removing,
            "tomorrow": 0 if over else batch.tomorrow,
            "indexed_per_minute": round(rate, 1),
            "eta_seconds": round(left / rate * 60) if rate and left else (0 if not left else None),
        }

    def _findings(self, batch: Batch) -> list[dict[str, str]]:
        """Examples of each kind of discrepancy that the batch's reconcile found."""
        if not batch.reconciliation:
            return []
        state = self._records.get(ReconcileState, reconcile_path(batch.batch_id)).record
        return [asdict(finding) for finding in state.findings] if state else []

    def _sample(self, status: FileStatus) -> list[FileRecord]:
        query = queries.with_status(status, limit=SAMPLE)
        return [stored.present for stored in self._records.query(FileRecord, query)]


def summary(
    batch: Batch,
    skipped: list[FileRecord],
    failed: list[FileRecord],
    *,
    counts: Mapping[str, int] | None = None,
    requests: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The summary of one batch.

    ``counts`` and ``requests`` replace the batch's own, which are final only once it is closed.
    """
    counts = batch.counts if counts is None else counts
    requests = batch.requests if requests is None else requests
    found = (change.value for change in Change if change is not Change.SET_ASIDE)
    kinds = (*found, "indexed", "deleted", "failed", "unreadable")
    return {
        "batch_id": batch.batch_id,
        "status": batch.status.value,
        "mode": batch.mode.value,
        "trigger": batch.trigger.value,
        "scanned": counts.get("scanned", 0),
        **{kind: counts.get(kind, 0) for kind in kinds},
        "drift": batch.drift,
        "reconciliation": batch.reconciliation if batch.reconciled else None,
        "requests": {kind: requests.get(kind, 0) for kind in ("metered", "throttled", "unmetered")},
        "started_at": _time(batch.started_at),
        "completed_at": _time(batch.completed_at),
        "skips": [{"path": record.path, "reason": record.skip_reason} for record in skipped],
        "failures": [
            {
                "path": record.path,
                "reason": record.failure.reason if record.failure else "",
                "kind": record.failed_kind or "",
                "attempts": record.tries.attempts,
            }
            for record in failed
        ],
        "ignored": counts_by_rule(counts),
        "set_aside": counts.get(Change.SET_ASIDE, 0),
        "dry_run": batch.dry_run,
        "message": _message(batch),
        **_storage(batch),
        "estimated_cost": batch.cost,
        "metadata_changed_cost": batch.metadata_changed_cost,
        "budget": batch.budget and to_fields(batch.budget),
        **_outlook(batch),
    }


def _storage(batch: Batch) -> dict[str, Any]:
    """How much of the project's storage is used, if the batch has measured it."""
    return {} if batch.storage is None else {"storage": to_fields(batch.storage)}


def _message(batch: Batch) -> str:
    """The batch's message. While it runs, also how many files the daily quota leaves over."""
    if batch.status.is_terminal or not batch.tomorrow:
        return batch.message
    later = f"{batch.tomorrow} files will go on tomorrow: today's quota is not enough for them"
    return f"{batch.message} {later}".strip()


def _outlook(batch: Batch) -> dict[str, Any]:
    """A finished dry run's estimate, and examples of what the sync would do."""
    if batch.estimate is None:
        return {}
    samples = {kind: [asdict(each) for each in found] for kind, found in batch.samples.items()}
    return {"estimate": to_fields(batch.estimate), "samples": samples}


def damaged_row(path: str, fault: str) -> dict[str, Any]:
    """A file whose document is damaged, as the API shows it: as one that is set aside already."""
    epoch = datetime.fromtimestamp(0, UTC)
    aside = Aside(fault, epoch)
    return file_row(FileRecord(path=path, status=FileStatus.DELETED, aside=aside))


def file_row(record: FileRecord) -> dict[str, Any]:
    """One file as the API shows it."""
    failure = record.failure or Failure(f"set aside: {record.aside.reason}" if record.aside else "")
    return {
        "path": record.path,
        "status": record.status.value,
        "reason": record.skip_reason or failure.reason,
        "kind": failure.kind or "",
        "code": failure.code,
        "attempts": record.tries.attempts,
        "failed_at": _time(failure.at),
        "eligible_at": _time(failure.eligible_at),
        "document": record.current_document or "",
        "content_key": record.current_key or "",
        "size": record.desired_size,
        "indexed_at": _time(record.indexed_at),
        "batch_id": record.batch_id or "",
        "metadata_reports": list(record.metadata_reports),
    }


def import_row(entry: LedgerEntry) -> dict[str, Any]:
    """One import as the API shows it."""
    return {
        "state": entry.state.value,
        "batch_id": entry.batch_id,
        "content_key": entry.content_key,
        "operation": entry.operation or "",
        "document": entry.document or "",
        "error": entry.error or "",
        "tokens": entry.tokens,
        "estimated_cost": entry.cost,
        "currency": entry.currency or "",
        "created_at": _time(entry.created_at),
        "completed_at": _time(entry.completed_at),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
