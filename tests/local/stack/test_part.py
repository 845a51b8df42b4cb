"""A sync of a part, on the whole stack: the queries are those of a database with its indexes."""

from __future__ import annotations

import grpc
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from local.stack.local_stack import LocalStack
from tests.stack import Shelf, local_stack, shelf, shelf_of

__all__ = ["local_stack", "shelf"]


def state_of(shelf: Shelf, name: str) -> str:
    (file,) = shelf.deployment.file(shelf.prefix + name)["files"]
    return str(file["status"])


def test_what_a_cancelled_sync_left_elsewhere_waits(local_stack: LocalStack, shelf: Shelf) -> None:
    channel = grpc.insecure_channel(local_stack.urls.cloud_tasks)
    queues = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    uploads = local_stack.urls.queues["uploads"]
    with shelf_of(local_stack) as elsewhere:
        elsewhere.put("left.txt")
        queues.pause_queue(name=uploads)
        batch = elsewhere.deployment.start({"prefix": elsewhere.prefix})["batch_id"]
        while elsewhere.deployment.batch(batch)["phase"] != "working":
            pass
        elsewhere.deployment.order(batch, "cancel")
        queues.resume_queue(name=uploads)
        shelf.put("mine.txt")

        done = shelf.sync()

        assert (done["status"], done["indexed"]) == ("completed", 1)
        assert state_of(elsewhere, "left.txt") == "pending"
        assert elsewhere.sync()["indexed"] == 1
