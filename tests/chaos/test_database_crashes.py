"""The database is killed again and again during a sync, and nothing acknowledged is lost."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from local.stack.firestore import LocalFirestore
from tests.chaos.stage import stage

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

FILES = 300
KILLS = 50


def test_a_sync_survives_many_kills_of_the_database(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    chosen = random.Random(FILES)  # noqa: S311 - repeatable, not secret
    pause = threading.Event()
    with stage(library, FILES, state=tmp_path / "state") as scene:
        database = scene.stack.firestore
        assert isinstance(database, LocalFirestore)
        batch_id = scene.client.start()
        for _ in range(KILLS):
            pause.wait(chosen.uniform(0.1, 1.0))
            database.kill()
            database.restart()
        batch = scene.client.follow(batch_id)
        assert not list(scene.end_state(batch).broken())
