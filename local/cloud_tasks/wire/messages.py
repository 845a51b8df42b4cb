"""The client library's own protobuf classes, so that no code has to be generated.

proto-plus creates the classes at run time, so the type checker can't see their fields; the aliases
below are for the reader. The plain protobuf classes are used throughout, because they are several
times faster than their proto-plus wrappers.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from google.cloud import tasks_v2
from google.longrunning import operations_pb2  # type: ignore[import-untyped] # has no stubs
from google.rpc import status_pb2  # type: ignore[import-untyped] # has no stubs

Message: TypeAlias = Any
QueueMessage: TypeAlias = Any
TaskMessage: TypeAlias = Any
OperationMessage: TypeAlias = Any

Queue = tasks_v2.Queue.pb()
Task = tasks_v2.Task.pb()
RetryConfig = tasks_v2.RetryConfig.pb()
Operation = operations_pb2.Operation
GetOperationRequest = operations_pb2.GetOperationRequest
Status = status_pb2.Status

RUNNING = Queue.State.Value("RUNNING")
PAUSED = Queue.State.Value("PAUSED")
BASIC = Task.View.Value("BASIC")
FULL = Task.View.Value("FULL")


def seconds(message: Message) -> float:
    """Return a Timestamp (since the epoch) or a Duration in seconds."""
    value: float = message.seconds + message.nanos / 1e9
    return value


def set_seconds(message: Message, value: float) -> None:
    """Set a Timestamp or Duration, rounded to microseconds as in the service."""
    message.seconds, micros = divmod(round(value * 1_000_000), 1_000_000)
    message.nanos = micros * 1000


def http_method(number: int) -> str:
    """Return the HTTP method's name; POST is the API's default."""
    return tasks_v2.HttpMethod(number).name if number else "POST"
