from __future__ import annotations

import pytest

from shared.composition.ports import context
from shared.config import SyncSettings
from shared.domain.errors import PayerMissing
from tests.contract.bucket_world import ServedBucketWorld
from tests.contract.servers import local_server

ENVIRONMENT = {
    "PROJECT_ID": "contract",
    "DEPLOYMENT": "test",
    "LOCATION": "us-central1",
    "UPLOADS_QUEUE": "uploads",
    "POLLS_QUEUE": "polls",
    "CONTROL_QUEUE": "control",
    "UPLOAD_URL": "http://127.0.0.1:1",
    "DISPATCHER_URL": "http://127.0.0.1:1",
    "CLOUD_TASKS_EMULATOR_HOST": "127.0.0.1:1",
    "GEMINI_API_KEY": "key",
}


def test_the_project_that_pays_is_named_to_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    with local_server("local.cloud_storage") as server:
        world = ServedBucketWorld(server["url"])
        info = world.put("a.md", b"hello")
        world.let_requester_pay("payer")
        world.bucket.close()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", world.url)
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
        given = ENVIRONMENT | {"BUCKET": world.name}

        paid = SyncSettings.from_environment(given | {"BILLING_PROJECT": "payer"})
        assert context(paid).bucket.list_objects(prefix="", limit=10) == [info]

        unpaid = context(SyncSettings.from_environment(given))
        with pytest.raises(PayerMissing):
            unpaid.bucket.list_objects(prefix="", limit=10)
