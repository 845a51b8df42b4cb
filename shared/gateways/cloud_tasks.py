"""The task queues over Cloud Tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Self

import grpc
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from shared.domain import errors
from shared.domain.errors import GatewayError, NotSetUp
from shared.gateways.google_errors import google_errors
from shared.gateways.ports import QueueName, Task

CALL_TIMEOUT_S = 10.0
"""Seconds for one call. Creating a named task can be slow, since the service checks the name."""
PARALLEL_CREATES = 16
"""Most threads that create tasks at once."""

CREATOR = "roles/cloudtasks.enqueuer (or roles/iam.serviceAccountUser on TASKS_SERVICE_ACCOUNT)"
"""What a creation needs."""
VIEWER = "roles/cloudtasks.viewer"
"""What a look at a task needs."""


class CloudTasks:
    """``TaskQueues`` over Cloud Tasks: POST requests, with an OIDC token for the called function.

    No call is retried here. The caller tries again later, and the task's name prevents a second
    task.

    Args:
        client: A client of the service; ``close`` closes it.
        project: The project of the queues.
        location: The region of the queues.
        queue_ids: The id of each queue.
        urls: For each queue, the base URL of the function that serves it; it begins each task's
            URL and is the token's audience.
        service_account: The account whose token each task carries; None sends no token (on one
            machine).
        dispatch_deadline: How long a handler may take; 15 s to 30 min.
    """

    def __init__(
        self,
        client: tasks_v2.CloudTasksClient,
        *,
        project: str,
        location: str,
        queue_ids: Mapping[QueueName, str],
        urls: Mapping[QueueName, str],
        service_account: str | None,
        dispatch_deadline: timedelta,
    ) -> None:
        self._client = client
        self._parents = {
            queue: client.queue_path(project, location, queue_id)
            for queue, queue_id in queue_ids.items()
        }
        self._urls = {queue: url.rstrip("/") for queue, url in urls.items()}
        self._service_account = service_account
        self._dispatch_deadline = dispatch_deadline

    @classmethod
    def connect(
        cls,
        *,
        emulator_host: str | None,
        project: str,
        location: str,
        queue_ids: Mapping[QueueName, str],
        urls: Mapping[QueueName, str],
        service_account: str | None,
        dispatch_deadline: timedelta,
    ) -> Self:
        """Connect to the service, or without TLS to ``emulator_host`` ("host:port").

        The client library reads no environment variable for an emulator.
        """
        transport = emulator_host and CloudTasksGrpcTransport(
            channel=grpc.insecure_channel(emulator_host)
        )
        return cls(
            tasks_v2.CloudTasksClient(transport=transport or None),
            project=project,
            location=location,
            queue_ids=queue_ids,
            urls=urls,
            service_account=service_account,
            dispatch_deadline=dispatch_deadline,
        )

    def close(self) -> None:
        """Close the channel."""
        self._client.transport.close()

    def create(self, task: Task) -> bool:
        """Queue a task; False if its name is in use or was used recently."""
        parent = self._parents[task.queue]
        message = self._message(parent, task)
        with self._told_what_lacks(CREATOR, task.queue), google_errors("tasks.create"):
            try:
                self._client.create_task(
                    parent=parent, task=message, retry=None, timeout=CALL_TIMEOUT_S
                )
            except AlreadyExists:
                return False
        return True

    def create_many(self, tasks: Sequence[Task]) -> int:
        """Queue tasks from several threads; returns how many are new.

        Each task is one request. BatchCreateTasks takes a hundred, but it is new, it answers with
        an operation that has to be polled, and it doesn't document what happens to the other tasks
        if one name is in use.

        Raises:
            GatewayError: The first failure, after all tasks were tried.
        """
        if not tasks:
            return 0
        with ThreadPoolExecutor(min(PARALLEL_CREATES, len(tasks))) as pool:
            outcomes = list(pool.map(self._try, tasks))
        for outcome in outcomes:
            if isinstance(outcome, GatewayError):
                raise outcome
        return sum(outcome is True for outcome in outcomes)

    def exists(self, queue: QueueName, task_id: str) -> bool:
        """Whether the task is still in its queue."""
        with self._told_what_lacks(VIEWER, queue), google_errors("tasks.exists"):
            try:
                self._client.get_task(
                    name=f"{self._parents[queue]}/tasks/{task_id}",
                    retry=None,
                    timeout=CALL_TIMEOUT_S,
                )
            except NotFound:
                return False
        return True

    @contextmanager
    def _told_what_lacks(self, roles: str, queue: QueueName) -> Iterator[None]:
        """Turn a refusal into ``NotSetUp``: ``roles`` or the queue itself is missing."""
        try:
            yield
        except errors.Forbidden as error:
            missing = (
                f"Cloud Tasks refuses this function's service account: it lacks {roles} for the "
                f"queue {self._parents[queue]}. terraform apply grants it, and a new grant takes "
                "a few minutes to count"
            )
            raise NotSetUp(error.call, missing, code=error.code, status=error.status) from error
        except errors.NotFound as error:
            missing = (
                f"the queue {self._parents[queue]} does not exist: run terraform apply. The name "
                "of a queue that was deleted can't be used again for three days"
            )
            raise NotSetUp(error.call, missing, code=error.code, status=error.status) from error

    def _try(self, task: Task) -> bool | GatewayError:
        try:
            return self.create(task)
        except GatewayError as error:
            return error

    def _message(self, parent: str, task: Task) -> tasks_v2.Task:
        url = self._urls[task.queue]
        request = tasks_v2.HttpRequest(
            url=url + task.path,
            http_method=tasks_v2.HttpMethod.POST,
            headers={"Content-Type": "application/json"},
            body=json.dumps(task.payload, ensure_ascii=False, separators=(",", ":")).encode(),
        )
        if self._service_account is not None:
            request.oidc_token = tasks_v2.OidcToken(
                service_account_email=self._service_account, audience=url
            )
        return tasks_v2.Task(
            name=f"{parent}/tasks/{task.id}",
            http_request=request,
            schedule_time=task.at,
            dispatch_deadline=self._dispatch_deadline,
        )
