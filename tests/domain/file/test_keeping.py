"""A reason to skip never costs a document by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.file import keeping, outcomes
from shared.domain.file.record import Desired, FileRecord, FileStatus, NewDocument
from shared.domain.source.eligibility import SkipReason
from tests.file_records import current, desired, working

NOW = datetime(2026, 1, 1, tzinfo=UTC)
INDEXED = FileRecord(
    path="a.md", status=FileStatus.INDEXED, desired=desired("k1"), current=current("d1", "k1")
)
ASKING = set(SkipReason) - {SkipReason.EXCLUDED, SkipReason.EMPTY, SkipReason.UNREADABLE}


def skipped(reason: SkipReason, *, changed: bool = False) -> FileRecord:
    wants = replace(desired(None, reason.value), content_hash="h2" if changed else "h1")
    return outcomes.let_go(replace(INDEXED, desired=wants), NOW)


@pytest.mark.parametrize("reason", SkipReason)
def test_only_a_setting_removes_the_document_of_unchanged_content_unasked(
    reason: SkipReason,
) -> None:
    record = skipped(reason)
    going = reason in (SkipReason.EXCLUDED, SkipReason.EMPTY)
    assert record.status is (FileStatus.REMOVAL_CANDIDATE if going else FileStatus.SKIPPED)
    assert record.asks_first is (reason in ASKING)
    assert record.current == INDEXED.current


@pytest.mark.parametrize("reason", SkipReason)
def test_only_a_refused_read_keeps_the_document_of_other_content(reason: SkipReason) -> None:
    record = skipped(reason, changed=True)
    kept = reason is SkipReason.UNREADABLE
    assert (record.status is FileStatus.SKIPPED, record.asks_first) == (kept, False)


@pytest.mark.parametrize("reason", SkipReason)
def test_a_file_without_documents_is_skipped_and_asks_nothing(reason: SkipReason) -> None:
    record = outcomes.let_go(
        replace(INDEXED, status=FileStatus.PENDING, current=None, desired=desired(None, reason)),
        NOW,
    )
    assert (record.status, record.asks_first) == (FileStatus.SKIPPED, False)


def test_documents_of_a_store_that_is_left_are_asked_about() -> None:
    record = replace(INDEXED, current=None, retired_documents=("d0",))
    unsupported = Desired(skip_reason=SkipReason.UNSUPPORTED_TYPE.value)
    assert keeping.is_to_be_asked(replace(record, desired=unsupported))
    assert not keeping.is_to_be_asked(replace(record, desired=None))


def test_an_unreadable_file_keeps_an_unverified_document_among_the_stale_ones() -> None:
    unverified = replace(
        skipped(SkipReason.UNREADABLE, changed=True),
        status=FileStatus.PENDING,
        working=working("k2", new_document=NewDocument("d2")),
    )
    after = outcomes.let_go(unverified, NOW)
    assert (after.status, after.stale_documents, after.working) == (
        FileStatus.SKIPPED,
        ("d2",),
        None,
    )


def test_content_of_another_size_is_other_content_whatever_its_hash() -> None:
    unsupported = replace(desired(None, SkipReason.UNSUPPORTED_TYPE.value), size=8)
    assert not keeping.is_to_be_asked(replace(INDEXED, desired=unsupported))


def test_a_gone_object_keeps_nothing() -> None:
    assert not keeping.keeps_documents(replace(INDEXED, desired=None))
    assert not keeping.keeps_documents(INDEXED)


def test_a_file_that_leaves_skipped_asks_nothing_any_more() -> None:
    asking = skipped(SkipReason.UNSUPPORTED_TYPE)
    back = outcomes.kept(replace(asking, desired=INDEXED.desired), NOW)
    assert (back.status, back.asks_first) == (FileStatus.INDEXED, False)
    assert outcomes.begun(replace(asking, desired=desired("k2")), NOW).asks_first is False


def test_a_skip_by_a_read_needs_content_that_is_wanted() -> None:
    with pytest.raises(ValueError, match="wants no document"):
        outcomes.skipped(replace(INDEXED, desired=None), SkipReason.UNREADABLE, NOW)
