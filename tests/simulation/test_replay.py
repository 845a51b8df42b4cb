"""A seed determines the whole run, in any process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import nullcontext

import pytest

from tests.simulation import simulation
from tests.simulation.simulation import Simulation


def story_of(seed: int) -> str:
    play = Simulation(seed)
    play.run()
    return "\n".join(play.story())


@pytest.mark.parametrize("seed", [7, 19, 40])
def test_a_seed_replays_exactly(seed: int) -> None:
    assert story_of(seed) == story_of(seed)


@pytest.mark.parametrize("seed", [7, 19, 40])
def test_shortcuts_change_nothing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    short = story_of(seed)
    monkeypatch.setattr(simulation, "shortcuts", nullcontext)

    assert story_of(seed) == short


@pytest.mark.parametrize("hashing", ["1", "2"])
def test_a_seed_replays_exactly_in_another_process(hashing: str) -> None:
    command = [sys.executable, "-m", "tests.simulation", "23", "--steps", "100000"]
    environment = {**os.environ, "PYTHONHASHSEED": hashing}

    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

    assert shown.stdout.startswith(story_of(23))


def test_no_thread_outlives_a_run() -> None:
    before = threading.active_count()
    for seed in range(1, 6):
        Simulation(seed, points=60).run()

    assert threading.active_count() == before
