"""Commits, writes of single documents, and the begin and end of transactions."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence

from google.protobuf import empty_pb2
from google.rpc import code_pb2  # type: ignore[import-untyped] # has no stubs

from local.firestore.api.consistency import begin
from local.firestore.api.databases import Databases, Opened
from local.firestore.engine.database import Committed
from local.firestore.engine.write import Write
from local.firestore.refusals import Refused, invalid, not_found
from local.firestore.wire.documents import document_message, mask_of
from local.firestore.wire.messages import (
    DocumentMessage,
    Message,
    WriteMessage,
    WriteResult,
    requests,
    set_micros,
)
from local.firestore.wire.names import document_name, parent_name, resource_id
from local.firestore.wire.writes import result_message, write_of

_BeginTransactionResponse = requests.BeginTransactionResponse.pb()
_CommitResponse = requests.CommitResponse.pb()
_BatchWriteResponse = requests.BatchWriteResponse.pb()

_ID_LETTERS = string.ascii_letters + string.digits


class Writes:
    """Answers the methods that write."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def begin_transaction(self, request: Message) -> Message:
        """Begin a transaction."""
        opened = self._databases.open(request.database)
        return _BeginTransactionResponse(transaction=begin(opened, request.options).name)

    async def rollback(self, request: Message) -> Message:
        """End a transaction without writing."""
        opened = self._databases.open(request.database)
        opened.transactions.used(request.transaction)
        await opened.ended(request.transaction)
        return empty_pb2.Empty()

    async def commit(self, request: Message) -> Message:
        """Make all writes or none, and end the transaction if there is one."""
        opened = self._databases.open(request.database)
        writes = [write_of(each, opened.name) for each in request.writes]
        committed = await _committed(opened, writes, request.transaction)
        answer = _CommitResponse()
        set_micros(answer.commit_time, committed.time)
        answer.write_results.extend(map(result_message, committed.results))
        return answer

    async def batch_write(self, request: Message) -> Message:
        """Make each write for itself; each has its own status."""
        opened = self._databases.open(request.database)
        writes = [write_of(each, opened.name) for each in request.writes]
        if len({write.path for write in writes}) < len(writes):
            raise invalid("the same document cannot be written more than once in a single request")
        answer = _BatchWriteResponse()
        for write in writes:
            status, result = answer.status.add(), WriteResult()
            try:
                committed = await _committed(opened, [write])
                result = result_message(committed.results[0])
            except Refused as refusal:
                status.code = code_pb2.Code.Value(refusal.code.name)
                status.message = refusal.message
            answer.write_results.append(result)
        return answer

    async def create_document(self, request: Message) -> DocumentMessage:
        """Create a document, with an id of its own if none is given."""
        parent = parent_name(request.parent)
        collection = resource_id(request.collection_id)
        chosen = request.document_id or "".join(secrets.choice(_ID_LETTERS) for _ in range(20))
        message = WriteMessage()
        message.update.CopyFrom(request.document)
        path = "/".join(filter(None, (parent.path, collection, resource_id(chosen))))
        message.update.name = f"{parent.database}/documents/{path}"
        message.current_document.exists = False
        return await self._written(message, request)

    async def update_document(self, request: Message) -> DocumentMessage:
        """Update or create a document."""
        message = WriteMessage()
        message.update.CopyFrom(request.document)
        if request.HasField("update_mask"):
            message.update_mask.CopyFrom(request.update_mask)
        message.current_document.CopyFrom(request.current_document)
        return await self._written(message, request)

    async def delete_document(self, request: Message) -> Message:
        """Delete a document."""
        message = WriteMessage(delete=request.name)
        message.current_document.CopyFrom(request.current_document)
        opened = self._databases.open(document_name(request.name).database)
        await _committed(opened, [write_of(message, opened.name)])
        return empty_pb2.Empty()

    async def _written(self, message: Message, request: Message) -> DocumentMessage:
        opened = self._databases.open(document_name(message.update.name).database)
        write = write_of(message, opened.name)
        await _committed(opened, [write])
        found = opened.database.get(write.path)
        if found is None:
            raise not_found(write.path)
        return document_message(opened.name, found, mask_of(request))


async def _committed(
    opened: Opened, writes: Sequence[Write], transaction: bytes = b""
) -> Committed:
    """Commit when no other transaction is in the way; the own one ends, whatever comes of it."""
    if not transaction:
        await opened.locked([write.path for write in writes], None)
        return opened.database.commit(writes)
    own = opened.transactions.used(transaction)
    if own.read_time is not None and writes:
        raise invalid("Cannot modify entities in a read-only transaction.")
    try:
        await opened.locked([write.path for write in writes], own)
        return opened.database.commit(writes)
    finally:
        await opened.ended(transaction)
