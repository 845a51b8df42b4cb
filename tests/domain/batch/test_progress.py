from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.batch.progress import FILES_PER_READ, READS, Progress, requests_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def progress(done: int, waiting: int) -> Progress:
    return Progress(NOW, counts={"indexed": done}, waiting=waiting)


def test_what_is_done_and_left_follows_from_the_counts() -> None:
    known = Progress(
        NOW, {"indexed": 5, "deleted": 2, "new": 9}, waiting=3, in_progress=2, removing=1
    )
    assert (known.done, known.left) == (7, 6)


@pytest.mark.parametrize("rpm", [5, 20, 200, 2000])
@pytest.mark.parametrize("files", [10, 2_000, 50_000, 1_000_000])
def test_counting_reads_at_most_half_a_document_for_each_file(rpm: int, files: int) -> None:
    known = progress(0, files)
    per_file = timedelta(minutes=2 / rpm)
    wait = timedelta(0)
    while not known.is_due(NOW + wait, per_file, MINUTE):
        wait += timedelta(seconds=10)

    reads = READS + files / FILES_PER_READ
    assert wait >= MINUTE
    assert reads <= 0.5 * (wait / per_file) + 1
    if rpm >= 200 and files <= 2_000:
        assert wait == MINUTE, "a usual batch is counted once a minute"


def test_the_requests_of_a_query_are_named_by_kind() -> None:
    sums = {"requests.metered": 4.0, "requests.throttled": 0.0}
    assert requests_of(sums) == {"metered": 4, "throttled": 0}
