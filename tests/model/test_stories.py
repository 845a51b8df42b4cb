"""Stories on the in-memory twins: a few by default, all by ``make model``."""

from __future__ import annotations

import os

import pytest

from tests.model.story import follow
from tests.model.twins import Twins

FEW = range(1, 5)
ALL = range(1, int(os.environ.get("STORIES", "200")) + 1)
CHUNK = 10


def play(seed: int) -> None:
    totals = follow(seed, Twins(page_size=2 + seed % 40), steps=30, files=200)

    assert all(totals[kind] for kind in ("new", "changed", "metadata_changed", "deleted"))


@pytest.mark.parametrize("seed", FEW)
def test_the_store_follows_the_bucket(seed: int) -> None:
    play(seed)


@pytest.mark.model
@pytest.mark.parametrize("first", ALL[::CHUNK])
def test_the_store_follows_the_bucket_whatever_happens_to_it(first: int) -> None:
    for seed in range(first, first + CHUNK):
        play(seed)
