"""How the latest metered requests ended, as the breaker judges them and the page shows them."""

from __future__ import annotations

from shared.domain.file.record import Accepted, FileRecord
from shared.domain.throttle.breaker_window import WindowEntry
from shared.gateways.database import queries
from shared.gateways.database.records import Records

UPLOAD = "files.upload"
"""What the window calls an upload."""

IMPORT = "import_file"
"""What the window calls an import."""


def latest_calls(records: Records, size: int) -> list[WindowEntry]:
    """The latest metered requests, newest first: ``size`` of them at most.

    Successes mostly stand in the records of their files. So this takes three reads for each.
    """
    found = [each.present for each in records.query(WindowEntry, queries.latest_entries(size))]
    for each in records.query(FileRecord, queries.latest_uploads(size)):
        found += _accepted(each.present.upload_accepted, UPLOAD)
    for each in records.query(FileRecord, queries.latest_imports(size)):
        found += _accepted(each.present.import_accepted, IMPORT)
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:size]


def _accepted(success: Accepted | None, call: str) -> list[WindowEntry]:
    if success is None:
        return []
    return [WindowEntry(success.at, generation=success.generation, call=call)]
