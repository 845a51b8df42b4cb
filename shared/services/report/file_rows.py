"""Rows about files and their imports, JSON-ready."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import Aside, Failure, FileRecord, FileStatus
from shared.services.report.summary import time_text

FAILURE = (
    "path", "reason", "kind", "attempts", "code", "failed_at", "eligible_at", "batch_id",
)  # fmt: skip
"""The fields of a row of ``failures``."""


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
        "failed_at": time_text(failure.at),
        "eligible_at": time_text(failure.eligible_at),
        "document": record.current_document or "",
        "content_key": record.current_key or "",
        "size": record.desired_size,
        "uploaded_at": time_text(_uploaded_at(record)),
        "indexed_at": time_text(record.indexed_at),
        "batch_id": record.batch_id or "",
        "metadata_reports": list(record.metadata_reports),
    }


def _uploaded_at(record: FileRecord) -> datetime | None:
    """When the raw file that is being imported was uploaded; None without one."""
    raw = record.working.raw_file if record.working else None
    return raw.uploaded_at if raw else None


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
        "created_at": time_text(entry.created_at),
        "completed_at": time_text(entry.completed_at),
    }
