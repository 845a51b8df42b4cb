from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.domain.batch.batch import Batch
from shared.domain.batch.kinds import BatchStatus
from shared.domain.batch.standing import Standing, StandingState, standing

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ended(hours_ago: int, status: str = "completed", **changes: Any) -> Batch:
    at = NOW - hours_ago * HOUR
    batch = Batch(batch_id=f"b{hours_ago}", status=BatchStatus(status), prefix="docs/")
    return replace(batch, completed_at=at, **changes)


def test_nothing_is_known_before_the_first_sync() -> None:
    assert standing([], None) == Standing()
    running = replace(ended(0), status=BatchStatus.RUNNING, completed_at=None)
    assert standing([running], "docs/").state is StandingState.NEVER_SYNCED


def test_in_step_since_the_first_of_the_syncs_that_found_it_so() -> None:
    batches = [ended(1), ended(2), ended(3), ended(4, "deferred"), ended(5)]
    assert standing(batches, "docs/") == Standing(StandingState.IN_STEP, NOW - HOUR, NOW - 3 * HOUR)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("completed_with_failures", "files_failed"),
        ("deferred", "behind"),
        ("cancelled", "behind"),
        ("refused", "refused"),
        ("failed", "stopped"),
    ],
)
def test_the_last_sync_decides(status: str, state: str) -> None:
    found = standing([ended(1, status), ended(2)], "docs/")
    assert (found.state.value, found.since) == (state, NOW - HOUR)


def test_what_says_nothing_of_the_whole_bucket_does_not_count() -> None:
    running = replace(ended(0), status=BatchStatus.RUNNING, completed_at=None)
    part = ended(1, prefix="docs/a/")
    dry = ended(2, "failed", dry_run=True)
    batches = [running, part, dry, ended(3, "deferred")]
    assert standing(batches, "docs/").state is StandingState.BEHIND
    assert standing(batches, None).state is StandingState.IN_STEP, "without a known prefix"
