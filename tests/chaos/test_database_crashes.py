"""The database is killed again and again during a sync, and nothing acknowledged is lost."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from local.stack.firestore import LocalFirestore
from local.stack.options import FirestoreKind
from tests.chaos.stage import stage
from tests.emulator import needs_emulator

__all__ = ["needs_emulator"]

pytestmark = pytest.mark.timeout(1500)

FILES = 300
KILLS = 50


@pytest.mark.chaos
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


@pytest.mark.usefixtures("needs_emulator")
def test_the_work_is_finished_on_the_emulator_after_a_kill_of_every_function(
    tmp_path: Path,
) -> None:
    with stage(tmp_path, 100, firestore=FirestoreKind.EMULATOR) as scene:
        batch_id = scene.client.start()
        for function in scene.stack.functions.values():
            function.kill()
        scene.restart_all()
        batch = scene.client.follow(batch_id)
        assert not list(scene.end_state(batch).broken())
