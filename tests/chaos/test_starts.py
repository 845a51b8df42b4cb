from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.fss.deployment.client import Deployment
from local.stack import task_queues
from tests.chaos.stage import stage
from tests.patience import PATIENCE

ROUNDS = 20
pytestmark = pytest.mark.timeout(1500)


def _start(url: str, together: threading.Barrier) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"{url}/sync", b"{}", method="POST")
    together.wait()
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_of_two_concurrent_starts_one_makes_a_batch_and_the_other_names_it(
    tmp_path: Path,
) -> None:
    with stage(tmp_path, 3) as scene, ThreadPoolExecutor(2) as pool:
        urls = scene.stack.urls
        deployment = Deployment(urls.dispatcher, urls.status)
        with task_queues.connect(urls.cloud_tasks) as client:
            client.pause_queue(name=urls.queues["uploads"])  # so that no batch ends too early
            started = []
            for _ in range(ROUNDS):
                together = threading.Barrier(2)
                attempts = [pool.submit(_start, urls.dispatcher, together) for _ in range(2)]
                (won, batch), (lost, refusal) = sorted(
                    (attempt.result() for attempt in attempts), key=lambda answer: answer[0]
                )
                assert (won, lost) == (202, 409), refusal
                assert refusal["batch_id"] == batch["batch_id"]
                started.append(batch["batch_id"])
                deployment.order(batch["batch_id"], "cancel")
                # A supervisor at work keeps the lease until it hands back.
                scene.deadline.wait_until(scene.is_lease_free, "the lease is not released")
            assert {each["batch_id"] for each in deployment.batches(500)} == set(started)
            assert len(set(started)) == ROUNDS
            client.resume_queue(name=urls.queues["uploads"])
        batch = scene.client.sync()
        assert (batch["status"], batch["indexed"]) == ("completed", 3)
        assert not list(scene.end_state().broken())
