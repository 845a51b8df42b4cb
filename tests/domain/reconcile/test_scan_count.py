"""The scan's counts tell what the records hold, as far as failed and kept files explain them."""

from __future__ import annotations

import pytest

from shared.domain.reconcile.scan_count import Settled, held_by_scan, settled


@pytest.mark.parametrize(
    ("held", "failed", "kept", "without"),
    [
        (10, 0, 0, 0),
        (8, 2, 0, 2),
        (9, 2, 0, 1),  # one of the failed files has an older document
        (13, 0, 3, -3),
    ],
)
def test_what_failed_and_kept_files_explain_lasts(
    held: int, failed: int, kept: int, without: int
) -> None:
    last = settled(10, held, failed, kept)
    assert last == Settled(failed, kept, without)
    assert held_by_scan(10, last, failed, kept) == held


@pytest.mark.parametrize(
    ("held", "failed", "kept"),
    [
        (11, 0, 0),  # a removal waits
        (9, 0, 0),  # an upload found that the file can't be imported, or it is left
        (7, 2, 0),
        (14, 0, 3),
    ],
)
def test_what_they_do_not_explain_will_pass(held: int, failed: int, kept: int) -> None:
    assert settled(10, held, failed, kept) is None


def test_a_scan_that_cannot_tell_leaves_nothing_to_go_by() -> None:
    assert settled(None, 10, 0, 0) is None
    assert held_by_scan(None, Settled(0, 0, 0), 0, 0) is None


def test_without_the_same_failed_and_kept_files_only_a_clean_scan_tells() -> None:
    last = Settled(2, 1, 1)
    assert held_by_scan(10, last, 2, 0) is None
    assert held_by_scan(10, last, 0, 0) == 10
    assert held_by_scan(10, None, 0, 0) == 10
    assert held_by_scan(10, None, 1, 0) is None
