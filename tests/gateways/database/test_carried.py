"""Records that tasks carry."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.file.record import Accepted, Claim, FileRecord, FileStatus, Schedule, Slot
from shared.gateways.database.carried import carried, unpacked
from shared.gateways.database.records import Stored, file_path
from tests.file_records import current, desired, working

PATH = "a/ü.md"
T0 = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("version", [7, "2026-01-01T00:00:00.123456789Z"])
@pytest.mark.parametrize("status", FileStatus)
def test_a_record_arrives_as_it_was(status: FileStatus, version: object) -> None:
    record = FileRecord(
        PATH, status, desired=desired(), working=working(), current=current(), updated_at=T0
    )
    text = carried(record, version)

    assert json.loads(text)
    assert unpacked(FileRecord, file_path(PATH), text, T0) == Stored(
        file_path(PATH), record, version, T0
    )


def test_times_and_what_is_nested_arrive_too() -> None:
    record = FileRecord(
        PATH,
        FileStatus.UPLOADED,
        schedule=Schedule(3, slot=Slot.IMPORT, ready_at=T0 + timedelta(microseconds=1)),
        claim=Claim("c", T0),
        upload_accepted=Accepted(T0, 2),
        metadata_reports=("one", "two"),
    )

    found = unpacked(FileRecord, file_path(PATH), carried(record, 1), T0)

    assert found is not None
    assert found.present == record


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "7", "null", "{}", '{"fields": {}}', '{"version": 1, "fields": {"path": []}}',
     '{"version": 1, "fields": {"path": "a", "status": "new in a later version"}}',
     '{"version": 1, "fields": {"path": "a", "status": "pending", "updated_at": {"$time": 7}}}',
     "[" * 100_000],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_record_is_none(text: str) -> None:
    assert unpacked(FileRecord, file_path(PATH), text, T0) is None
