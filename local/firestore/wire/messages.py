"""The client library's own protobuf classes, so that no code has to be generated.

proto-plus creates the classes at run time, so the type checker can't see their fields; the aliases
are for the reader. The plain protobuf classes are used throughout, because they are several times
faster than their proto-plus wrappers.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from google.cloud.firestore_v1.types import common, document, firestore, query, write

from local.firestore.query.document import Micros

Message: TypeAlias = Any
ValueMessage: TypeAlias = Any
DocumentMessage: TypeAlias = Any

Document = document.Document.pb()
Value = document.Value.pb()
StructuredQuery = query.StructuredQuery.pb()
TransactionOptions = common.TransactionOptions.pb()
WriteMessage = write.Write.pb()
WriteResult = write.WriteResult.pb()

requests: Final = firestore
"""The module of the request and response types; ``.pb()`` gives the plain class."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def micros(message: Message) -> Micros:
    """A Timestamp in microseconds."""
    return int(message.seconds * 1_000_000 + message.nanos // 1000)


def set_micros(message: Message, at: Micros) -> None:
    """Set a Timestamp."""
    message.seconds, rest = divmod(at, 1_000_000)
    message.nanos = rest * 1000


def as_datetime(message: Message) -> datetime:
    """A Timestamp as a time; ``OverflowError`` if it is before the year 1 or after 9999."""
    return EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
