"""Builds the HTTP request of an attempt."""

from __future__ import annotations

from dataclasses import dataclass

from local.cloud_tasks.delivery.identity import Identity
from local.cloud_tasks.queue.queue import Queue
from local.cloud_tasks.queue.task import Attempt, TaskRecord
from local.cloud_tasks.queue.task_rules import DEFAULT_DISPATCH_DEADLINE
from local.cloud_tasks.wire.messages import Message, http_method, seconds
from local.cloud_tasks.wire.names import short_id

USER_AGENT = "Google-Cloud-Tasks"

_RESERVED = ("host", "content-length", "user-agent")
_RESERVED_PREFIXES = ("x-cloudtasks-", "x-google-", "x-appengine-")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request ready to send.

    Attributes:
        deadline: Seconds after which the attempt counts as failed.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    deadline: float


def delivery_of(queue: Queue, record: TaskRecord, attempt: Attempt, identity: Identity) -> Delivery:
    """Return the task's request, with the queue's `http_target` and the service's headers applied.

    Headers that the service sets itself are ignored in a task, as documented for
    `HttpRequest.headers`; the X-CloudTasks ones are those of
    https://cloud.google.com/tasks/docs/creating-http-target-tasks.
    """
    message, target = record.message, queue.message.http_target
    request = message.http_request
    method = http_method(target.http_method or request.http_method)
    headers = {name: value for name, value in request.headers.items() if not _reserved(name)}
    for override in target.header_overrides:
        if not _reserved(override.header.key):
            _set(headers, override.header.key, override.header.value)
    if token := _oidc_token(target, request):
        audience = token.audience or request.url
        bearer = identity.token(token.service_account_email, audience, attempt.dispatched_at)
        _set(headers, "Authorization", f"Bearer {bearer}")
    headers |= {
        "User-Agent": USER_AGENT,
        "X-CloudTasks-QueueName": short_id(queue.name),
        "X-CloudTasks-TaskName": short_id(record.name),
        "X-CloudTasks-TaskRetryCount": str(attempt.number - 1),
        "X-CloudTasks-TaskExecutionCount": str(record.execution_count),
        "X-CloudTasks-TaskETA": f"{attempt.scheduled_at:.6f}",
    }
    if record.previous_status is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(record.previous_status)
    if record.retry_reason:
        headers["X-CloudTasks-TaskRetryReason"] = record.retry_reason
    return Delivery(
        method=method,
        url=request.url,
        headers=headers,
        body=b"" if method == "GET" else request.body,
        deadline=seconds(message.dispatch_deadline) or DEFAULT_DISPATCH_DEADLINE,
    )


def _oidc_token(target: Message, request: Message) -> Message | None:
    for holder in (target, request):
        if holder.HasField("oidc_token"):
            return holder.oidc_token
    return None


def _reserved(name: str) -> bool:
    return name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES)


def _set(headers: dict[str, str], name: str, value: str) -> None:
    """Set a header, replacing one that differs only in case."""
    for present in [present for present in headers if present.lower() == name.lower()]:
        del headers[present]
    headers[name] = value
