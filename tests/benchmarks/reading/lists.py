"""Reads of each page of the status function's lists.

The database holds many files and as many batches, of which one runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from shared.domain.batch.batch import Batch, BatchStatus
from shared.domain.file.record import FileRecord, FileStatus
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import batch_path, file_path
from shared.gateways.ports import MAX_WRITES_PER_COMMIT, Delete, Put, Write
from shared.services.report.report import Report
from tests.services.story import begun, later, play_to
from tests.twins.documents import MemoryDocuments
from tests.world import World

STATUSES = (FileStatus.FAILED, FileStatus.SKIPPED, FileStatus.PENDING, FileStatus.INDEXED)
"""The files' statuses, in equal shares."""

LIMIT = 500


@dataclass(frozen=True, slots=True)
class Page:
    """What one request cost: documents read, as Firestore bills them."""

    reads: int
    rows: int


def filled(count: int) -> tuple[MemoryDocuments, Report, str]:
    """A database of ``count`` files and batches, its report, and the id of the batch that runs."""
    world = World()
    world.put({"pattern.md": "# Pattern"})
    batch_id = begun(world).batch_id
    play_to(world, FileStatus.UPLOADED, "pattern.md")
    batch = world.records.get(Batch, batch_path(batch_id)).present
    pattern = world.file("pattern.md")
    documents = world.documents
    for start in range(0, count, MAX_WRITES_PER_COMMIT):
        numbers = range(start, min(start + MAX_WRITES_PER_COMMIT, count))
        documents.commit([_file(pattern, number) for number in numbers])
        documents.commit([_batch(batch, number) for number in numbers])
    documents.commit([Delete(file_path("pattern.md"))])
    later(world, timedelta(minutes=1))
    return documents, world.report, batch_id


def _file(pattern: FileRecord, number: int) -> Write:
    path = f"shelf {number // 250:03d}/note {number:06d}.md"
    record = replace(pattern, path=path, status=STATUSES[number % len(STATUSES)])
    return Put(file_path(path), to_fields(record))


def _batch(running: Batch, number: int) -> Write:
    if number == 0:
        return Put(batch_path(running.batch_id), to_fields(running))
    assert running.created_at is not None
    earlier = running.created_at - timedelta(minutes=number)
    batch_id = f"{earlier:%Y%m%d-%H%M%S}-{number:06d}"
    over = replace(running, batch_id=batch_id, status=BatchStatus.COMPLETED, created_at=earlier)
    return Put(batch_path(batch_id), to_fields(over))


def lists(report: Report, batch_id: str) -> dict[str, Callable[[str], tuple[list[Any], str]]]:
    """Every list, as a function of the page token that returns a page and the next token."""

    def files(status: FileStatus | None) -> Callable[[str], tuple[list[Any], str]]:
        def page(token: str) -> tuple[list[Any], str]:
            found = report.files(batch_id, status, token, LIMIT)
            assert found is not None
            return found["files"], found["next_page_token"]

        return page

    def batches(token: str) -> tuple[list[Any], str]:
        found = report.history(token, LIMIT)
        return found["batches"], found["next_page_token"]

    def failures(token: str) -> tuple[list[Any], str]:
        found = report.failures(token, LIMIT)
        return found["failures"], found["next_page_token"]

    return {
        "/batches": batches,
        "/failures": failures,
        "/batches/{id}/files": files(None),
        **{f"/batches/{{id}}/files?status={each}": files(each) for each in STATUSES},
    }


def pages(
    documents: MemoryDocuments, read: Callable[[str], tuple[list[Any], str]]
) -> Iterator[Page]:
    """Read a whole list, page by page."""
    token = ""
    while True:
        reads = documents.reads
        rows, token = read(token)
        yield Page(documents.reads - reads, len(rows))
        if not token:
            return


def look(documents: MemoryDocuments, report: Report, batch_id: str) -> Page:
    """One look at the running batch, as ``fss sync --watch`` takes one after the other."""
    reads = documents.reads
    assert report.batch(batch_id) is not None
    return Page(documents.reads - reads, 1)
