"""The methods of google.firestore.v1.Firestore."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.protobuf import empty_pb2

from local.firestore.api.databases import Databases
from local.firestore.api.faults import FaultSwitch
from local.firestore.api.queries import Queries
from local.firestore.api.reads import Reads
from local.firestore.api.writes import Writes
from local.firestore.refusals import Refused, invalid, unimplemented
from local.firestore.wire.messages import Message, requests

MAX_REQUEST_BYTES: Final = 10 * 1024 * 1024
"""Source: Firestore, "Quotas and limits", maximum API request size."""

SERVICE: Final = "google.firestore.v1.Firestore"

Method: TypeAlias = "grpc.RpcMethodHandler[Message, Message]"
Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"
Unary: TypeAlias = Callable[[Message], Message | Awaitable[Message]]
Stream: TypeAlias = Callable[[Message], Iterator[Message]]

_NOT_SERVED: Final = ("PartitionQuery", "Write", "Listen", "ExecutePipeline")


class FirestoreService:
    """Answers each method like the real service.

    Args:
        databases: The databases.
        faults: Which calls fail for a test.
    """

    def __init__(self, databases: Databases, faults: FaultSwitch) -> None:
        self._faults = faults
        self._reads = Reads(databases)
        self._queries = Queries(databases)
        self._writes = Writes(databases)

    def handlers(self) -> Sequence[grpc.GenericRpcHandler[Message, Message]]:
        """Return the handlers to add to a grpc.aio server."""
        unary: dict[str, Unary] = {
            "GetDocument": self._reads.get_document,
            "ListDocuments": self._reads.list_documents,
            "ListCollectionIds": self._reads.list_collection_ids,
            "CreateDocument": self._writes.create_document,
            "UpdateDocument": self._writes.update_document,
            "DeleteDocument": self._writes.delete_document,
            "BeginTransaction": self._writes.begin_transaction,
            "Commit": self._writes.commit,
            "Rollback": self._writes.rollback,
            "BatchWrite": self._writes.batch_write,
        }
        streams: dict[str, Stream] = {
            "BatchGetDocuments": self._reads.batch_get_documents,
            "RunQuery": self._queries.run_query,
            "RunAggregationQuery": self._queries.run_aggregation_query,
        }
        methods = {name: self._unary(name, answer) for name, answer in unary.items()}
        methods |= {name: self._stream(name, answer) for name, answer in streams.items()}
        methods |= {name: _refusal(name) for name in _NOT_SERVED}
        return [grpc.method_handlers_generic_handler(SERVICE, methods)]

    def _unary(self, name: str, answer: Unary) -> Method:
        async def handle(request: Message, context: Context) -> Message:
            try:
                self._begin(name, request)
                answered = answer(request)
                if inspect.isawaitable(answered):
                    answered = await answered
                self._faults.after()
            except Refused as refusal:
                await _abort(context, refusal)
            return answered

        return grpc.unary_unary_rpc_method_handler(handle, **_types(name))

    def _stream(self, name: str, answer: Stream) -> Method:
        async def handle(request: Message, context: Context) -> AsyncIterator[Message]:
            try:
                self._begin(name, request)
                for each in answer(request):
                    yield each
                self._faults.after()
            except Refused as refusal:
                await _abort(context, refusal)

        return grpc.unary_stream_rpc_method_handler(handle, **_types(name))

    def _begin(self, name: str, request: Message) -> None:
        if request.ByteSize() > MAX_REQUEST_BYTES:
            raise invalid(f"Request payload size exceeds the limit: {MAX_REQUEST_BYTES} bytes.")
        self._faults.before(name)


def _types(name: str) -> dict[str, Any]:
    return {
        "request_deserializer": getattr(requests, f"{name}Request").pb().FromString,
        "response_serializer": lambda message: message.SerializeToString(),
    }


async def _abort(context: Context, refusal: Refused) -> NoReturn:
    await context.abort(grpc.StatusCode[refusal.code.name], refusal.message)


def _refusal(name: str) -> Method:
    async def refuse(_: AsyncIterator[Message], context: Context) -> None:
        await _abort(context, unimplemented(f"{name} is not supported by the local Firestore."))

    return grpc.stream_stream_rpc_method_handler(
        refuse,
        request_deserializer=empty_pb2.Empty.FromString,
        response_serializer=lambda message: message.SerializeToString(),
    )
