from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from shared.domain.batch.lease import Lease
from shared.gateways.database.records import LEASE
from tests.functions.framework_app import framework_app
from tests.patience import PATIENCE
from tests.services.story import world_with

STARTS = 200


def test_of_two_hundred_starts_at_once_one_makes_a_batch_and_all_name_it() -> None:
    world = world_with("a.md")
    together = threading.Barrier(STARTS)

    with framework_app("dispatcher", world) as app:

        def start(_: int) -> tuple[int, str]:
            together.wait(PATIENCE)
            response = app.test_client().post("/sync", json={})
            return response.status_code, response.get_json()["batch_id"]

        with ThreadPoolExecutor(STARTS) as threads:
            answers = list(threads.map(start, range(STARTS)))

    (batch,) = world.report.batches(10)
    assert Counter(answers) == {
        (202, batch["batch_id"]): 1,
        (409, batch["batch_id"]): STARTS - 1,
    }
    lease = world.records.get(Lease, LEASE).present
    assert (lease.holder, lease.fence) == (batch["batch_id"], 1)
