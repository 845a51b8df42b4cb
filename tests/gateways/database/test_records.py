from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from shared.domain.errors import AlreadyExists, Conflict
from shared.domain.file.record import (
    Claim,
    Failure,
    FailureKind,
    FileRecord,
    FileStatus,
    FileTask,
    ImportCall,
    NewDocument,
    RawFile,
    Requests,
    Schedule,
    Slot,
    Tries,
)
from shared.domain.ids import file_id
from shared.gateways.database import records as paths
from shared.gateways.database.codec import MalformedRecord
from shared.gateways.database.records import CAS_ATTEMPTS, Records, Stored, creating, updating
from shared.gateways.ports import Create, Query, Update, Write
from tests.file_records import current, desired, working
from tests.twins.clock import EPOCH, ManualClock
from tests.twins.documents import MemoryDocuments


@dataclass(frozen=True, slots=True)
class Note:
    text: str = ""
    times: int = 0
    tags: tuple[str, ...] = ()


@pytest.fixture
def documents() -> MemoryDocuments:
    return MemoryDocuments(ManualClock())


@pytest.fixture
def records(documents: MemoryDocuments) -> Records:
    return Records(documents, ManualClock())


def put(records: Records, text: str = "one", path: str = "notes/a") -> Stored[Note]:
    return records.change(Note, path, lambda _: Note(text))


def test_a_record_that_is_not_there_is_none_and_has_a_read_time(records: Records) -> None:
    stored = records.get(Note, "notes/a")

    assert stored.record is None
    assert stored.read_time == ManualClock().now()
    with pytest.raises(LookupError, match="notes/a"):
        _ = stored.present


def test_a_record_comes_back_as_it_was_written(records: Records) -> None:
    note = Note("é", 3, ("x", "y"))
    records.change(Note, "notes/a", lambda _: note)

    assert records.get(Note, "notes/a").present == note
    assert [s.present for s in records.query(Note, Query("notes"))] == [note]


def test_several_records_come_in_the_order_asked(records: Records) -> None:
    put(records, "a", "notes/a")
    put(records, "c", "notes/c")

    found = records.get_all([(Note, "notes/c"), (Note, "notes/b"), (Note, "notes/a")])

    assert [s.record and s.record.text for s in found] == ["c", None, "a"]


def test_only_the_fields_that_differ_are_written() -> None:
    before = Note("one", 1, ("x",))
    update = updating("notes/a", replace(before, times=2), "v1", before)

    assert update == Update("notes/a", {"times": 2}, if_version="v1")
    assert creating("notes/a", before) == Create(
        "notes/a", {"text": "one", "times": 1, "tags": ["x"]}
    )


def test_what_another_writer_changed_in_other_fields_is_not_undone(records: Records) -> None:
    stored = put(records)
    records.documents.commit([Update("notes/a", {"later": "field"})])

    with pytest.raises(Conflict):
        records.write(stored, Note("two"))

    assert records.get(Note, "notes/a").present.text == "one"


def test_a_change_meets_a_conflict_reads_again_and_decides_again(records: Records) -> None:
    put(records)
    seen: list[str] = []

    def decide(stored: Stored[Note]) -> Note:
        seen.append(stored.present.text)
        if len(seen) == 1:
            put_directly(records, "two")
        return replace(stored.present, times=stored.present.times + 1)

    result = records.change(Note, "notes/a", decide)

    assert seen == ["one", "two"]
    assert result.present == Note("two", 1) == records.get(Note, "notes/a").present


def put_directly(records: Records, text: str) -> None:
    records.documents.commit([Update("notes/a", {"text": text})])


def test_a_creation_that_lost_a_race_becomes_a_change(records: Records) -> None:
    calls: list[Note | None] = []

    def decide(stored: Stored[Note]) -> Note:
        calls.append(stored.record)
        if len(calls) == 1:
            records.documents.commit([creating("notes/a", Note("theirs"))])
        return Note((stored.record or Note("mine")).text, 1)

    assert records.change(Note, "notes/a", decide).present == Note("theirs", 1)
    assert calls == [None, Note("theirs")]


def test_contention_without_end_is_a_conflict(records: Records) -> None:
    put(records)
    tries = []

    def decide(stored: Stored[Note]) -> Note:
        tries.append(stored.version)
        put_directly(records, f"theirs {len(tries)}")
        return Note("mine")

    with pytest.raises(Conflict):
        records.change(Note, "notes/a", decide)
    assert len(tries) == CAS_ATTEMPTS


def test_a_reading_that_is_known_saves_one(records: Records, documents: MemoryDocuments) -> None:
    stored = put(records)
    reads = documents.reads

    records.change(Note, "notes/a", lambda s: replace(s.present, times=1), known=stored)

    assert documents.reads == reads


@pytest.mark.parametrize("new", [None, Note("one")], ids=["none", "the same"])
def test_nothing_to_change_is_not_written_and_what_goes_with_it_is(
    records: Records, documents: MemoryDocuments, new: Note | None
) -> None:
    stored = put(records)
    writes = documents.writes

    records.change(Note, "notes/a", lambda _: new)
    assert documents.writes == writes

    records.change(Note, "notes/a", lambda _: new, also=[creating("notes/b", Note("also"))])
    assert records.get(Note, "notes/b").present.text == "also"
    assert records.get(Note, "notes/a").version == stored.version


def test_a_change_and_what_goes_with_it_land_together_or_not_at_all(records: Records) -> None:
    stored = put(records)
    put(records, "taken", "notes/b")

    with pytest.raises(AlreadyExists):
        records.write(stored, Note("two"), [creating("notes/b", Note())])

    assert records.get(Note, "notes/a").present.text == "one"


def test_an_error_that_is_no_conflict_is_not_tried_again(records: Records) -> None:
    calls = []

    def decide(_: Stored[Note]) -> Note:
        calls.append(1)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        records.change(Note, "notes/a", decide)
    assert calls == [1]


@pytest.mark.parametrize("bad", [[], [0], [499], [500], [3, 700, 1200], list(range(7))], ids=str)
def test_of_many_independent_writes_only_those_in_conflict_are_left(
    records: Records, documents: MemoryDocuments, bad: list[int]
) -> None:
    count = 1201
    writes: list[Write] = [
        updating(f"notes/{n}", Note("x"), 99) if n in bad else creating(f"notes/{n}", Note("x"))
        for n in range(count)
    ]

    left = records.commit_each(writes)

    assert sorted(write.path for write in left) == sorted(f"notes/{n}" for n in bad)
    assert documents.count(Query("notes")) == count - len(bad)


def test_of_independent_creations_those_that_are_taken_are_left(records: Records) -> None:
    put(records, "theirs", "notes/1")

    left = records.commit_each([creating(f"notes/{n}", Note("mine")) for n in range(3)])

    assert [write.path for write in left] == ["notes/1"]
    assert records.get(Note, "notes/1").present.text == "theirs"
    assert records.get(Note, "notes/2").present.text == "mine"


def test_every_record_has_its_place() -> None:
    assert paths.file_path("a/é.md") == f"files/{file_id('a/é.md')}"
    assert paths.page_path("b1", 7) == "batches/b1/pages/000007"
    assert paths.operation_path("o1") == "operations/o1"
    assert paths.window_path("w1") == "breaker/state/window/w1"
    assert paths.batch_path("b1") == "batches/b1"


BARE = FileRecord(path="日本/é.md", status=FileStatus.UNCERTAIN, stale_documents=("a", "b"))
FULL = replace(
    BARE,
    batch_id="b1",
    decided_in="b1",
    desired=desired(),
    schedule=Schedule(3, FileTask("t", "polls", EPOCH), Slot.IMPORT, EPOCH, EPOCH, EPOCH),
    claim=Claim("c", EPOCH),
    tries=Tries(1, 2, EPOCH, 3),
    failure=Failure("it broke", 503, FailureKind.EXHAUSTED, EPOCH, EPOCH),
    working=working(
        raw_file=RawFile("files/x", is_active=True, expires_at=EPOCH),
        import_call=ImportCall("o", "operations/1"),
        new_document=NewDocument("d2", failed_at=EPOCH),
    ),
    current=current(),
    requests=Requests(1, 2, 3),
)


@pytest.mark.parametrize("file", [BARE, FULL], ids=["bare", "full"])
def test_a_file_record_survives_the_round_trip(records: Records, file: FileRecord) -> None:
    records.change(FileRecord, paths.file_path(file.path), lambda _: file)
    assert records.get(FileRecord, paths.file_path(file.path)).present == file


# --- damaged documents ------------------------------------------------------------------------


def test_a_damaged_document_reads_as_missing_and_names_itself(records: Records) -> None:
    records.documents.commit([Create("notes/a", {"text": 5})])

    stored = records.get(Note, "notes/a")

    assert stored.record is None
    assert list(records.damaged) == ["notes/a"]
    with pytest.raises(MalformedRecord, match=r"notes/a: Note\.text: int instead of str") as caught:
        _ = stored.present
    assert caught.value.document == "notes/a"


def test_a_damaged_document_is_replaced_only_as_it_was_read(records: Records) -> None:
    records.documents.commit([Create("notes/a", {"text": 5, "later": "field"})])
    stored = records.get(Note, "notes/a")

    records.write(stored, Note("new"))

    assert records.get(Note, "notes/a").present == Note("new")
    assert (records.documents.get("notes/a").fields or {})["later"] == "field"
    with pytest.raises(Conflict):
        records.write(stored, Note("late"))


def test_a_limited_query_gets_others_in_place_of_damaged_documents(records: Records) -> None:
    for number in range(9):
        fields = {"text": "bad" if number in (0, 1, 4) else str(number), "times": number}
        fields |= {"tags": 5} if number in (0, 1, 4) else {}
        records.documents.commit([Create(f"notes/{number}", fields)])

    def texts(limit: int | None) -> list[str]:
        found = records.query(Note, Query("notes", order_by=("times",), limit=limit))
        return [each.present.text for each in found]

    assert texts(1) == ["2"]
    assert texts(3) == ["2", "3", "5"]
    assert texts(6) == texts(50) == texts(None) == ["2", "3", "5", "6", "7", "8"]
