"""Stories on the local stack: a short one by default, full ones by ``make model``."""

from __future__ import annotations

import pytest

from tests.model.stack import started
from tests.model.story import follow


def test_the_store_follows_the_bucket_on_the_whole_stack() -> None:
    with started() as stack:
        totals = follow(3, stack, steps=5, files=25)

    assert all(totals[kind] for kind in ("new", "changed", "metadata_changed", "deleted"))


@pytest.mark.model
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whole_stories_on_the_whole_stack(seed: int) -> None:
    with started() as stack:
        follow(seed, stack, steps=30, files=200)
