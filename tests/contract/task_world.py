"""Task queues in two worlds: the twin with a clock to turn, and the adapter before a server."""

from __future__ import annotations

import json
import queue
import threading
import uuid
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from google.cloud import tasks_v2

from shared.gateways.clock import SystemClock
from shared.gateways.cloud_tasks import CloudTasks
from shared.gateways.ports import QueueName, Task, TaskQueues
from tests.contract.servers import wait_until
from tests.twins.clock import ManualClock
from tests.twins.tasks import MemoryTasks

LOCATION = "europe-west1"
PROJECT = "contract"


@dataclass(frozen=True, slots=True)
class Delivery:
    path: str
    payload: Any
    headers: dict[str, str]


class TaskWorld(Protocol):
    @property
    def tasks(self) -> TaskQueues: ...

    def in_an_hour(self, task: Task) -> Task:
        """The task, to be run an hour from now."""

    def delivered(self, count: int) -> list[Delivery]:
        """What the handlers got, and answered well, when they got ``count`` or more."""


class MemoryTaskWorld:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.tasks = MemoryTasks(self.clock)
        self._delivered: list[Delivery] = []

    def in_an_hour(self, task: Task) -> Task:
        at = self.clock.now() + timedelta(hours=1)
        return Task(task.queue, task.id, task.path, task.payload, at)

    def delivered(self, count: int) -> list[Delivery]:
        for task in self.tasks.due(self.clock.now()):
            self._delivered.append(Delivery(task.path, dict(task.payload), {}))
            self.tasks.acknowledge(task)
        assert len(self._delivered) >= count
        return self._delivered


class ServedTaskWorld:
    """Cloud Tasks on this machine, and a handler that answers 200."""

    def __init__(self, ready: dict[str, str], handler: Handler) -> None:
        self.admin = ready["admin"]
        self.handler = handler
        self.emulator = ready["grpc"]
        self.run = uuid.uuid4().hex[:8]
        self.tasks = self.connect(service_account=None)

    def connect(
        self, *, service_account: str | None, emulator: str | None = None, queues: str = "queue"
    ) -> CloudTasks:
        return CloudTasks.connect(
            emulator_host=emulator or self.emulator,
            project=PROJECT,
            location=LOCATION,
            queue_ids={name: f"{queues}-{self.run}-{name}" for name in QueueName},
            urls=dict.fromkeys(QueueName, self.handler.url + "/"),
            service_account=service_account,
            dispatch_deadline=timedelta(minutes=5),
        )

    def create_queues(self) -> None:
        client = self.tasks._client
        parent = f"projects/{PROJECT}/locations/{LOCATION}"
        for name in QueueName:
            queue_name = f"{parent}/queues/queue-{self.run}-{name}"
            client.create_queue(parent=parent, queue=tasks_v2.Queue(name=queue_name))

    def in_an_hour(self, task: Task) -> Task:
        at = SystemClock().now() + timedelta(hours=1)
        return Task(task.queue, task.id, task.path, task.payload, at)

    def delivered(self, count: int) -> list[Delivery]:
        wait_until(lambda: len(self.handler.taken()) >= count)
        return self.handler.taken()


class Handler:
    """A function that takes any task."""

    def __init__(self) -> None:
        taken: queue.SimpleQueue[Delivery] = queue.SimpleQueue()

        class Face(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken.put(Delivery(self.path, json.loads(body), dict(self.headers.items())))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._taken = taken
        self._seen: list[Delivery] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Face)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def taken(self) -> list[Delivery]:
        while not self._taken.empty():
            self._seen.append(self._taken.get())
        return self._seen

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
