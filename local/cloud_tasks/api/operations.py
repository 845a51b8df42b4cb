"""The long-running operations of batch requests; all are done when they are returned."""

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
"""How many operations are kept; the oldest are dropped. They are lost at a restart."""


class Operations:
    """The latest operations by name; a repeated request_id gets the answer of the first request."""

    def __init__(self) -> None:
        self._operations: dict[str, OperationMessage] = {}

    def name(self, location: str, request_id: str) -> str:
        """Return the operation's name; without a request_id, a new name."""
        return f"{location}/operations/{request_id or uuid4()}"

    def find(self, name: str) -> OperationMessage | None:
        """Return the operation of that name, or None."""
        return self._operations.get(name)

    def get(self, name: str) -> OperationMessage:
        """Return the operation of that name.

        Raises:
            Refused: NOT_FOUND.
        """
        operation = self.find(name)
        if operation is None:
            raise not_found(f"The operation {name!r} does not exist.")
        return operation

    def remember(self, operation: OperationMessage) -> OperationMessage:
        """Keep an operation under its name, and return it."""
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
    """Return the operation of a finished batch.

    If no request succeeded, the operation ends in ABORTED, as documented for
    `BatchDeleteTasksMetadata`. `BatchCreateTasksMetadata` does not mention this case and is treated
    in the same way.

    Args:
        name: The operation's name.
        metadata: An empty metadata message of the batch's type.
        response: The operation's response if any request succeeded.
        refusals: The refusals by the request's index.
        requests: The number of requests.
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
