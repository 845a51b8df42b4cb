"""What each query selects, over one set of records in the twin."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.domain.batch.batch import Batch, PageResult
from shared.domain.file.record import (
    Failure,
    FailureKind,
    FileRecord,
    FileStatus,
    FileTask,
    RawFile,
    Schedule,
    Slot,
)
from shared.domain.throttle.breaker_window import WindowEntry
from shared.gateways.database import queries
from shared.gateways.database.records import (
    Records,
    batch_path,
    creating,
    file_path,
    page_path,
    window_path,
)
from shared.gateways.ports import Query, QueueName
from tests.file_records import working
from tests.twins.clock import EPOCH, ManualClock
from tests.twins.documents import MemoryDocuments

S = FileStatus
MINUTE = timedelta(minutes=1)


def file(path: str, status: FileStatus = S.PENDING, **fields: object) -> FileRecord:
    return replace(FileRecord(path, status), **fields)  # type: ignore[arg-type]  # field names


def waiting(slot: Slot, ready_at: datetime) -> Schedule:
    return Schedule(slot=slot, ready_at=ready_at)


def planned(queue: QueueName, overdue_at: datetime) -> Schedule:
    return Schedule(task=FileTask("t", queue.value, EPOCH), overdue_at=overdue_at)


ACTIVE = working(raw_file=RawFile("files/x", is_active=True))
PROCESSING = working(raw_file=RawFile("files/x", is_active=False))
LATER = EPOCH + MINUTE
EXHAUSTED = Failure("it broke", kind=FailureKind.EXHAUSTED, at=EPOCH, eligible_at=LATER)
REFUSED = Failure("bad", 400, FailureKind.PERMANENT, at=EPOCH)
UPLOADS, POLLS = QueueName.UPLOADS, QueueName.POLLS

FILES = [
    file("a", S.PENDING, schedule=waiting(Slot.UPLOAD, EPOCH + 2 * MINUTE), batch_id="b1"),
    file("a/b", S.PENDING, schedule=waiting(Slot.UPLOAD, EPOCH), batch_id="b1"),
    file("a/c", S.PENDING, schedule=planned(UPLOADS, LATER), batch_id="b2"),
    file("b", S.UPLOADED, schedule=waiting(Slot.IMPORT, EPOCH), working=ACTIVE, batch_id="b1"),
    file("c", S.UPLOADED, schedule=planned(UPLOADS, EPOCH), working=ACTIVE, batch_id="b1"),
    file(
        "d",
        S.UPLOADED,
        schedule=planned(POLLS, EPOCH + 2 * MINUTE),
        working=PROCESSING,
        batch_id="b1",
    ),
    file("e", S.INDEXED, batch_id="b1"),
    file("é", S.FAILED, batch_id="b2", failure=EXHAUSTED),
    file("日", S.FAILED, batch_id="b2", failure=REFUSED),
]


@pytest.fixture
def records() -> Records:
    clock = ManualClock()
    found = Records(MemoryDocuments(clock), clock)
    found.documents.commit([creating(file_path(each.path), each) for each in FILES])
    return found


def paths(records: Records, query: Query) -> list[str]:
    return [stored.present.path for stored in records.query(FileRecord, query)]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("", "", ["a", "a/b", "a/c", "b", "c", "d", "e", "é", "日"]),
        ("a/", "a0", ["a/b", "a/c"]),
        ("b", "d", ["b", "c"]),
        ("e", "", ["e", "é", "日"]),
        ("", "b", ["a", "a/b", "a/c"]),
        ("x", "y", []),
    ],
)
def test_records_of_a_range_come_by_path_without_its_end(
    records: Records, start: str, end: str, expected: list[str]
) -> None:
    assert paths(records, queries.records_in_range(start, end, 100)) == expected
    assert paths(records, queries.records_in_range(start, end, 1)) == expected[:1]


def test_files_ready_for_a_slot_come_longest_waiting_first(records: Records) -> None:
    assert paths(records, queries.ready_for(Slot.UPLOAD, EPOCH, 9)) == ["a/b"]
    later = EPOCH + 2 * MINUTE
    assert paths(records, queries.ready_for(Slot.UPLOAD, later, 9)) == ["a/b", "a"]
    assert paths(records, queries.ready_for(Slot.UPLOAD, later, 1)) == ["a/b"]
    assert paths(records, queries.ready_for(Slot.IMPORT, EPOCH, 9)) == ["b"]


def test_the_files_of_a_part_are_those_below_its_prefix(records: Records) -> None:
    later = EPOCH + 2 * MINUTE
    assert paths(records, queries.below("a/", queries.ready_for(Slot.UPLOAD, later, 9))) == ["a/b"]
    assert paths(records, queries.below("", queries.ready_for(Slot.UPLOAD, later, 1))) == ["a/b"]
    assert paths(records, queries.below("a", queries.ready_for(Slot.UPLOAD, later, 9))) == [
        "a/b",
        "a",
    ]
    assert paths(records, queries.below("d", queries.with_status(S.UPLOADED))) == ["d"]
    assert paths(records, queries.below("\U0010ffff", queries.to_import())) == []


def test_planned_requests_are_those_with_a_task_and_no_slot(records: Records) -> None:
    assert paths(records, queries.planned_uploads()) == ["a/c"]
    assert paths(records, queries.planned_imports()) == ["c"]


def test_overdue_files_come_longest_overdue_first(records: Records) -> None:
    assert paths(records, queries.overdue(EPOCH, 9)) == ["c"]
    assert paths(records, queries.overdue(EPOCH + MINUTE, 9)) == ["c", "a/c"]
    assert paths(records, queries.overdue(EPOCH - MINUTE, 9)) == []


def test_files_are_found_by_one_status_or_several(records: Records) -> None:
    assert sorted(paths(records, queries.with_status(S.UPLOADED))) == ["b", "c", "d"]
    several = queries.with_status(S.INDEXED, S.FAILED)
    assert sorted(paths(records, several)) == ["e", "é", "日"]
    assert records.documents.count(queries.with_status(S.UPLOADED, limit=2)) == 2


def test_files_are_found_by_their_batch(records: Records) -> None:
    assert sorted(paths(records, queries.of_batch("b1", S.UPLOADED))) == ["b", "c", "d"]
    assert sorted(paths(records, queries.all_of_batch("b2"))) == ["a/c", "é", "日"]


def test_failed_files_are_eligible_when_their_time_has_come(records: Records) -> None:
    assert paths(records, queries.failed_and_eligible(EPOCH, 9)) == []
    assert paths(records, queries.failed_and_eligible(EPOCH + MINUTE, 9)) == ["é"]


def test_the_latest_batches_pages_and_entries_come_first(records: Records) -> None:
    for n in range(3):
        at = EPOCH + n * MINUTE
        records.documents.commit(
            [
                creating(batch_path(f"b{n}"), Batch(f"b{n}", created_at=at)),
                creating(page_path("b1", n), PageResult(n, "", "")),
                creating(window_path(f"w{n}"), WindowEntry(at=at, generation=n)),
            ]
        )

    batches = records.query(Batch, queries.latest_batches(2))
    assert [stored.present.batch_id for stored in batches] == ["b2", "b1"]
    (page,) = records.query(PageResult, queries.latest_page("b1"))
    assert page.present.index == 2
    latest = records.query(WindowEntry, queries.latest_entries(2))
    assert [stored.present.generation for stored in latest] == [2, 1]
    assert records.documents.count(queries.entries_since(EPOCH + MINUTE)) == 2
