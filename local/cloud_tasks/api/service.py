"""The gRPC services google.cloud.tasks.v2.CloudTasks and google.longrunning.Operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import grpc
from google.cloud import tasks_v2
from google.protobuf import empty_pb2

from local.cloud_tasks.api.operations import Operations, finished
from local.cloud_tasks.api.paging import page
from local.cloud_tasks.broker.broker import Broker
from local.cloud_tasks.broker.dispatcher import Dispatcher
from local.cloud_tasks.queue.task import TaskRecord
from local.cloud_tasks.wire.errors import Refused, invalid, unimplemented
from local.cloud_tasks.wire.messages import (
    BASIC,
    FULL,
    GetOperationRequest,
    Message,
    OperationMessage,
    QueueMessage,
    Task,
    TaskMessage,
)
from local.cloud_tasks.wire.names import parent_of

LARGEST_QUEUE_PAGE = 9800
LARGEST_TASK_PAGE = 1000
LARGEST_CREATE_BATCH = 100
LARGEST_DELETE_BATCH = 1000

Answer: TypeAlias = Callable[[Message], Message]
Method: TypeAlias = "grpc.RpcMethodHandler[Message, Message]"

_NOT_SERVED = {
    "google.cloud.tasks.v2.CloudTasks": (
        "GetIamPolicy", "SetIamPolicy", "TestIamPermissions", "GetCmekConfig", "UpdateCmekConfig",
        "BufferTask",
    ),
    "google.cloud.location.Locations": ("ListLocations", "GetLocation"),
    "google.longrunning.Operations": (
        "ListOperations", "DeleteOperation", "CancelOperation", "WaitOperation",
    ),
}  # fmt: skip


class CloudTasksService:
    """Answers each method like the real service.

    Args:
        broker: Carries out the requests.
        dispatcher: Runs tasks for RunTask.
        clock: Seconds since the epoch.
    """

    def __init__(self, broker: Broker, dispatcher: Dispatcher, clock: Callable[[], float]) -> None:
        self._broker = broker
        self._dispatcher = dispatcher
        self._clock = clock
        self._operations = Operations()

    def handlers(self) -> Sequence[grpc.GenericRpcHandler[Message, Message]]:
        """Return the handlers to add to a grpc.aio server."""
        served: dict[str, dict[str, Method]] = {
            "google.cloud.tasks.v2.CloudTasks": {
                "CreateQueue": _method(self._create_queue, tasks_v2.CreateQueueRequest.pb()),
                "GetQueue": _method(self._get_queue, tasks_v2.GetQueueRequest.pb()),
                "ListQueues": _method(self._list_queues, tasks_v2.ListQueuesRequest.pb()),
                "UpdateQueue": _method(self._update_queue, tasks_v2.UpdateQueueRequest.pb()),
                "PauseQueue": _method(self._pause_queue, tasks_v2.PauseQueueRequest.pb()),
                "ResumeQueue": _method(self._resume_queue, tasks_v2.ResumeQueueRequest.pb()),
                "PurgeQueue": _method(self._purge_queue, tasks_v2.PurgeQueueRequest.pb()),
                "DeleteQueue": _method(self._delete_queue, tasks_v2.DeleteQueueRequest.pb()),
                "CreateTask": _method(self._create_task, tasks_v2.CreateTaskRequest.pb()),
                "GetTask": _method(self._get_task, tasks_v2.GetTaskRequest.pb()),
                "ListTasks": _method(self._list_tasks, tasks_v2.ListTasksRequest.pb()),
                "DeleteTask": _method(self._delete_task, tasks_v2.DeleteTaskRequest.pb()),
                "RunTask": _method(self._run_task, tasks_v2.RunTaskRequest.pb()),
                "BatchCreateTasks": _method(
                    self._batch_create_tasks, tasks_v2.BatchCreateTasksRequest.pb()
                ),
                "BatchDeleteTasks": _method(
                    self._batch_delete_tasks, tasks_v2.BatchDeleteTasksRequest.pb()
                ),
            },
            "google.longrunning.Operations": {
                "GetOperation": _method(self._get_operation, GetOperationRequest),
            },
        }
        for service, methods in _NOT_SERVED.items():
            served.setdefault(service, {}).update(
                {method: _method(_refusal(method), empty_pb2.Empty) for method in methods}
            )
        return [
            grpc.method_handlers_generic_handler(service, methods)
            for service, methods in served.items()
        ]

    def _create_queue(self, request: Message) -> QueueMessage:
        return self._broker.create_queue(request.parent, request.queue).message

    def _get_queue(self, request: Message) -> QueueMessage:
        return self._broker.queue(request.name).message

    def _list_queues(self, request: Message) -> Message:
        if request.filter:
            raise unimplemented("ListQueues: filter is not supported here.")
        queues = {queue.name: queue for queue in self._broker.queues_in(request.parent)}
        names, token = page(
            queues, size=request.page_size, largest=LARGEST_QUEUE_PAGE, token=request.page_token
        )
        messages = [queues[name].message for name in names]
        return tasks_v2.ListQueuesResponse.pb()(queues=messages, next_page_token=token)

    def _update_queue(self, request: Message) -> QueueMessage:
        return self._broker.update_queue(request.queue, request.update_mask.paths).message

    def _pause_queue(self, request: Message) -> QueueMessage:
        return self._broker.pause_queue(request.name).message

    def _resume_queue(self, request: Message) -> QueueMessage:
        return self._broker.resume_queue(request.name).message

    def _purge_queue(self, request: Message) -> QueueMessage:
        return self._broker.purge_queue(request.name).message

    def _delete_queue(self, request: Message) -> Message:
        self._broker.delete_queue(request.name)
        return empty_pb2.Empty()

    def _create_task(self, request: Message) -> TaskMessage:
        record = self._broker.create_task(request.parent, request.task)
        return _view(record, request.response_view)

    def _get_task(self, request: Message) -> TaskMessage:
        return _view(self._broker.task(request.name), request.response_view)

    def _list_tasks(self, request: Message) -> Message:
        tasks = self._broker.queue(request.parent).tasks
        names, token = page(
            tasks, size=request.page_size, largest=LARGEST_TASK_PAGE, token=request.page_token
        )
        messages = [_view(tasks[name], request.response_view) for name in names]
        return tasks_v2.ListTasksResponse.pb()(tasks=messages, next_page_token=token)

    def _delete_task(self, request: Message) -> Message:
        self._broker.delete_task(request.name)
        return empty_pb2.Empty()

    def _run_task(self, request: Message) -> TaskMessage:
        record = self._broker.task(request.name)
        self._dispatcher.run_now(self._broker.queue(parent_of(record.name)), record)
        return _view(record, request.response_view)

    def _batch_create_tasks(self, request: Message) -> OperationMessage:
        if not 1 <= len(request.requests) <= LARGEST_CREATE_BATCH:
            raise invalid(f"There must be 1 to {LARGEST_CREATE_BATCH} requests.")
        if any(single.parent != request.parent for single in request.requests):
            raise invalid("The parent of every request must be the batch's.")
        name = self._operations.name(parent_of(request.parent), request.request_id)
        if (known := self._operations.find(name)) is not None:
            return known
        started = self._clock()
        answers = self._broker.create_tasks(
            request.parent, [single.task for single in request.requests]
        )
        response = tasks_v2.BatchCreateTasksResponse.pb()()
        refusals = {}
        for index, (single, answer) in enumerate(zip(request.requests, answers, strict=True)):
            if isinstance(answer, Refused):
                refusals[index] = answer
            else:
                response.tasks.append(_view(answer, single.response_view))
        return self._operations.remember(
            finished(
                name,
                tasks_v2.BatchCreateTasksMetadata.pb()(),
                response,
                refusals=refusals,
                requests=len(answers),
                times=(started, self._clock()),
            )
        )

    def _batch_delete_tasks(self, request: Message) -> OperationMessage:
        if not 1 <= len(request.names) <= LARGEST_DELETE_BATCH:
            raise invalid(f"There must be 1 to {LARGEST_DELETE_BATCH} names.")
        name = self._operations.name(parent_of(request.parent), request.request_id)
        if (known := self._operations.find(name)) is not None:
            return known
        started = self._clock()
        answers = self._broker.delete_tasks(request.parent, request.names)
        return self._operations.remember(
            finished(
                name,
                tasks_v2.BatchDeleteTasksMetadata.pb()(),
                empty_pb2.Empty(),
                refusals={i: refusal for i, refusal in enumerate(answers) if refusal is not None},
                requests=len(answers),
                times=(started, self._clock()),
            )
        )

    def _get_operation(self, request: Message) -> OperationMessage:
        return self._operations.get(request.name)


def _method(answer: Answer, request_type: Message) -> Method:
    async def handle(
        request: Message, context: grpc.aio.ServicerContext[Message, Message]
    ) -> Message:
        try:
            return answer(request)
        except Refused as refusal:
            return await context.abort(refusal.code, refusal.message)

    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=request_type.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )


def _refusal(method: str) -> Answer:
    def refuse(_: Message) -> Message:
        raise unimplemented(f"{method} is not supported by the local Cloud Tasks.")

    return refuse


def _view(record: TaskRecord, view: int) -> TaskMessage:
    """Return the task for a client; the basic view leaves out the body."""
    task = Task()
    task.CopyFrom(record.message)
    task.view = FULL if view == FULL else BASIC
    if view != FULL:
        task.http_request.ClearField("body")
    return task
