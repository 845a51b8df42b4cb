"""The long-running operations of batch requests, all done when they are answered."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

import grpc

from local.cloud_tasks.wire.errors import Refused, not_found
from local.cloud_tasks.wire.messages import (
    Message,
    Operation,
    OperationMessage,
    Status,
    set_seconds,
)

CAPACITY = 1000
"""Operations remembered; the oldest make room. They do not outlive the server."""


class Operations:
    """The latest operations, by name, so that a repeated request_id is answered, not repeated."""

    def __init__(self) -> None:
        self._operations: dict[str, OperationMessage] = {}

    def name(self, location: str, request_id: str) -> str:
        """The operation's name; without a request_id a new one."""
        return f"{location}/operations/{request_id or uuid4()}"

    def find(self, name: str) -> OperationMessage | None:
        """The operation of that name, if it is remembered."""
        return self._operations.get(name)

    def get(self, name: str) -> OperationMessage:
        """As `find`.

        Raises:
            Refused: NOT_FOUND.
        """
        operation = self.find(name)
        if operation is None:
            raise not_found(f"The operation {name!r} does not exist.")
        return operation

    def remember(self, operation: OperationMessage) -> OperationMessage:
        """Keep it under its name, and return it."""
        self._operations[operation.name] = operation
        while len(self._operations) > CAPACITY:
            del self._operations[next(iter(self._operations))]
        return operation


def finished(
    name: str,
    metadata: Message,
    response: Message,
    *,
    refusals: Mapping[int, Refused],
    requests: int,
    times: tuple[float, float],
) -> OperationMessage:
    """A batch that has ended.

    If none of its requests succeeded the operation ends in ABORTED, as the reference of
    `BatchDeleteTasksMetadata` says; `BatchCreateTasksMetadata` is silent and treated alike.

    Args:
        name: Of the operation.
        metadata: An empty metadata message of the batch's kind.
        response: What the operation results in if anything succeeded.
        refusals: By index of the request.
        requests: How many there were.
        times: Start and end, in seconds since the epoch.
    """
    set_seconds(metadata.start_time, times[0])
    set_seconds(metadata.end_time, times[1])
    metadata.state = metadata.State.Value("PARTIALLY_SUCCEEDED" if refusals else "SUCCEEDED")
    for index, refusal in refusals.items():
        metadata.failed_requests[index].CopyFrom(
            Status(code=refusal.code.value[0], message=refusal.message)
        )
    operation = Operation(name=name, done=True)
    operation.metadata.Pack(metadata)
    if requests and len(refusals) == requests:
        operation.error.code = grpc.StatusCode.ABORTED.value[0]
        operation.error.message = "None of the requests succeeded; see failed_requests."
    else:
        operation.response.Pack(response)
    return operation
