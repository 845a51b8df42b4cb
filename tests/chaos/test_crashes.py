from __future__ import annotations

from pathlib import Path

import pytest

from local.stack import task_queues
from local.stack.options import FirestoreKind
from tests.chaos.gate import gate
from tests.chaos.stage import stage
from tests.emulator import needs_emulator

__all__ = ["needs_emulator"]

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(params=FirestoreKind)
def firestore(request: pytest.FixtureRequest) -> FirestoreKind:
    kind = FirestoreKind(request.param)
    if kind is FirestoreKind.EMULATOR:
        request.getfixturevalue("needs_emulator")
    return kind


def test_the_supervisor_creates_recorded_tasks_that_were_never_created(
    tmp_path: Path,
) -> None:
    with (
        gate(b"/step") as towards_tasks,
        stage(tmp_path, 20, {"CLOUD_TASKS_EMULATOR_HOST": towards_tasks.address}) as scene,
    ):
        stack = scene.stack
        towards_tasks.lead_to(stack.urls.cloud_tasks)
        batch_id = scene.client.start()
        scene.deadline.wait_until(towards_tasks.shut.is_set, "the dispatcher planned nothing")
        stack.functions["dispatcher"].kill()

        records = scene.database.collection("files")
        handed_on = [record for record in records if record["schedule"]["task"]]
        with task_queues.connect(stack.urls.cloud_tasks) as client:
            made = [task.name for task in client.list_tasks(parent=stack.urls.queues["uploads"])]
        assert handed_on
        assert not made

        towards_tasks.open()
        stack.functions["dispatcher"].restart()
        batch = scene.client.follow(batch_id)
        assert not list(scene.end_state(batch).broken())


def test_the_work_is_finished_after_every_function_was_killed_at_once(
    tmp_path: Path, firestore: FirestoreKind
) -> None:
    with stage(tmp_path, 100, firestore=firestore) as scene:
        batch_id = scene.client.start()

        def is_busy() -> bool:
            return any(record["claim"] for record in scene.database.collection("files"))

        scene.deadline.wait_until(is_busy, "nothing is under way")
        for function in scene.stack.functions.values():
            function.kill()
        assert any(record["status"] != "indexed" for record in scene.database.collection("files"))
        scene.restart_all()
        batch = scene.client.follow(batch_id)
        assert not list(scene.end_state(batch).broken())
