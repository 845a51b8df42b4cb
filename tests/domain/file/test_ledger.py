"""What the ledger and a file's record tell together of an import."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.file import attempt, ledger, outcomes
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.ledger import ImportState, LedgerEntry
from shared.domain.file.record import Aside, FileRecord, FileStatus, ImportCall, NewDocument
from tests.file_records import current, desired, working

T0 = datetime(2026, 1, 1, tzinfo=UTC)
LATER = T0 + timedelta(minutes=1)
ENTRY = LedgerEntry("i1", "a.md", "k1", "files/1", "store", "b", T0, T0 + timedelta(days=90))
IMPORTING = FileRecord(
    "a.md",
    FileStatus.IMPORTING,
    desired=desired("k1"),
    working=working(import_call=ImportCall("i1", "op"), new_document=NewDocument("d1")),
)
INDEXED = outcomes.settled(IMPORTING, LATER)


def test_a_success_stands_in_the_record_of_its_document() -> None:
    found = ledger.known(ENTRY, INDEXED)

    assert (found.state, found.operation, found.document) == (ImportState.SUCCEEDED, "op", "d1")
    assert found.completed_at == LATER


def test_a_success_whose_document_was_replaced_has_none_any_more() -> None:
    again = replace(
        INDEXED, current=replace(current("d2"), import_call=ImportCall("i2", "another"))
    )

    found = ledger.known(ENTRY, again)

    assert (found.state, found.operation, found.document) == (ImportState.SUCCEEDED, None, None)


@pytest.mark.parametrize("status", [FileStatus.IMPORTING, FileStatus.UNCERTAIN])
def test_an_import_under_way_has_no_outcome(status: FileStatus) -> None:
    assert ledger.known(ENTRY, replace(IMPORTING, status=status)) is ENTRY


@pytest.mark.parametrize(
    "record",
    [
        None,
        replace(INDEXED, aside=Aside("damaged", LATER), set_aside_in="b"),
        replace(INDEXED, set_aside_in="b"),
        replace(INDEXED, current=current("d1")),
    ],
    ids=["lost", "set aside", "set aside before", "rebuilt from the store"],
)
def test_nothing_is_known_where_the_record_was_lost(record: FileRecord | None) -> None:
    assert ledger.known(ENTRY, record) is ENTRY


def test_a_failure_stays_one_whatever_the_record_tells() -> None:
    failed = ledger.ended(ENTRY, ledger.failed("op", "refused", T0))

    assert ledger.known(failed, INDEXED) is failed


def test_a_document_that_is_verified_once_more_is_still_of_its_import() -> None:
    served = INDEXED.current
    assert served is not None
    doubted = attempt.document_doubted(INDEXED, replace(served, import_call=None), T0, FilePolicy())

    again = outcomes.settled(doubted, LATER)

    assert again.current == served


def test_a_document_of_an_unknown_import_has_none() -> None:
    adopted = replace(IMPORTING, working=working(new_document=NewDocument("d1")))

    settled = outcomes.settled(adopted, LATER)

    assert settled.current is not None
    assert settled.current.import_call is None
    assert ledger.known(ENTRY, settled).document is None
