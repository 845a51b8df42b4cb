"""The local Firestore answers as Google's emulator does, to random writes and queries.

``FIRESTORE_CASES`` sets the number of cases; the README lists the known differences.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from local.firestore.engine.write import Change, Transform, Write
from local.firestore.query.field_path import NAME, formatted
from local.firestore.query.query import Cursor, Filter, Op, Order, Query, Where, filters_of
from local.firestore.values.kinds import Fields
from local.firestore.wire.messages import requests
from local.firestore.wire.values import set_fields, set_value
from tests.emulator import emulator_host, needs_emulator
from tests.local.firestore.queries import DOCUMENTS, FIELDS, SMALL, TAGS, queries
from tests.local.firestore.values import VALUES

__all__ = ["emulator_host", "needs_emulator"]

pytestmark = pytest.mark.timeout(7200)  # for thousands of cases

CASES = int(os.environ.get("FIRESTORE_CASES", "100"))
MANY = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Server:
    """A server, and a project of its own."""

    client: FirestoreClient
    database: str

    def commit(self, parent: str, writes: list[Write]) -> Any:
        """The kind of refusal; None if there was none."""
        request = requests.CommitRequest.pb()(database=self.database)
        for write in writes:
            _add(request.writes.add(), write, f"{self.database}/documents/{parent}/{write.path}")
        try:
            self.client.commit(requests.CommitRequest.wrap(request))
        except exceptions.GoogleAPICallError as error:
            return type(error).__name__
        return None

    def found(self, parent: str, query: Query) -> Any:
        """The ids of the results, or the kind of refusal."""
        request = requests.RunQueryRequest.pb()(parent=f"{self.database}/documents/{parent}")
        _set_query(request.structured_query, query)
        try:
            answers = list(self.client.run_query(requests.RunQueryRequest.wrap(request)))
        except exceptions.GoogleAPICallError as error:
            return type(error).__name__
        return [each.document.name.rpartition("/")[2] for each in answers if each.document.name]

    def documents(self, parent: str) -> dict[str, str]:
        """All documents below a parent, as text without times."""
        request = requests.ListDocumentsRequest(
            parent=f"{self.database}/documents/{parent}", collection_id="files"
        )
        listed = {}
        for each in self.client.list_documents(request):
            message = type(each).pb(each)
            fields = sorted((name, str(value)) for name, value in message.fields.items())
            listed[message.name.rpartition("/")[2]] = repr(fields)
        return listed


@pytest.fixture(scope="session")
def servers(emulator_host: str, served_firestore: dict[str, str]) -> Iterator[list[Server]]:
    channels = [grpc.insecure_channel(host) for host in (emulator_host, served_firestore["grpc"])]
    database = f"projects/p-{uuid.uuid4().hex}/databases/(default)"
    yield [
        Server(FirestoreClient(transport=FirestoreGrpcTransport(channel=channel)), database)
        for channel in channels
    ]
    for channel in channels:
        channel.close()


@st.composite
def by_name(draw: st.DrawFn) -> Query:
    """A query that orders by names, alone or last.

    One that excludes null finds nothing, so the emulator looks no further.
    """
    query = draw(queries())
    excluding = [each.value for each in filters_of(query.where) if each.op is Op.NOT_IN]
    assume(not any(None in values for values in excluding))
    order = (*query.order_by, Order(NAME, draw(st.booleans())))
    return replace(query, order_by=order)


@MANY
@given(DOCUMENTS, queries() | by_name())
def test_queries_find_the_same(
    servers: list[Server], documents: list[Fields], query: Query
) -> None:
    parent = f"cases/{uuid.uuid4().hex}"
    writes = [Write(f"files/{number:02}", fields) for number, fields in enumerate(documents)]
    for server in servers:
        assert server.commit(parent, writes) is None
    emulator, ours = (server.found(parent, query) for server in servers)
    assert ours == emulator


_PATHS = st.sampled_from([tuple(name.split(".")) for name in (*FIELDS, "m", "tags", "m.y.z")])
_NUMBERS = st.one_of(st.integers(-3, 3), st.floats(), st.sampled_from([2**63 - 1, -(2**63)]))
_TRANSFORMS = st.one_of(
    st.builds(
        Transform,
        _PATHS,
        st.sampled_from([Change.INCREMENT, Change.MAXIMUM, Change.MINIMUM]),
        _NUMBERS,
    ),
    st.builds(Transform, _PATHS, st.sampled_from([Change.UNION, Change.REMOVE]), TAGS),
)
_SET = st.fixed_dictionaries(
    {}, optional={"a": SMALL | VALUES, "b": _NUMBERS, "m": VALUES, "tags": TAGS}
)
WRITES = st.one_of(
    st.builds(
        Write,
        st.sampled_from(["files/1", "files/2"]),
        _SET,
        st.none() | st.lists(_PATHS, max_size=2, unique=True).map(tuple),
        st.lists(_TRANSFORMS, max_size=2).map(tuple),
        st.sampled_from([None, None, True, False]),
    ),
    st.builds(
        Write,
        st.sampled_from(["files/1", "files/2"]),
        st.none(),
        exists=st.sampled_from([None, True, False]),
    ),
)


@MANY
@given(
    st.lists(
        st.lists(WRITES, min_size=1, max_size=2, unique_by=lambda write: write.path),
        min_size=1,
        max_size=4,
    )
)
def test_writes_leave_the_same(servers: list[Server], commits: list[list[Write]]) -> None:
    parent = f"cases/{uuid.uuid4().hex}"
    for writes in commits:
        emulator, ours = (server.commit(parent, writes) for server in servers)
        assert ours == emulator
    emulator, ours = (server.documents(parent) for server in servers)
    assert ours == emulator


def _add(message: Any, write: Write, name: str) -> None:
    if write.exists is not None:
        message.current_document.exists = write.exists
    if write.fields is None:
        message.delete = name
        return
    message.update.name = name
    set_fields(message.update, write.fields)
    if write.mask is not None:
        message.update_mask.SetInParent()
        message.update_mask.field_paths.extend(map(formatted, write.mask))
    for each in write.transforms:
        added = message.update_transforms.add(field_path=formatted(each.field))
        kinds = {
            Change.INCREMENT: "increment",
            Change.MAXIMUM: "maximum",
            Change.MINIMUM: "minimum",
            Change.UNION: "append_missing_elements",
            Change.REMOVE: "remove_all_from_array",
        }
        target = getattr(added, kinds[each.change])
        target.SetInParent()
        if each.change in (Change.UNION, Change.REMOVE):
            for item in each.operand:
                set_value(target.values.add(), item)
        else:
            set_value(target, each.operand)


_NAMES = {
    Op.EQ: "EQUAL",
    Op.NE: "NOT_EQUAL",
    Op.LT: "LESS_THAN",
    Op.LE: "LESS_THAN_OR_EQUAL",
    Op.GT: "GREATER_THAN",
    Op.GE: "GREATER_THAN_OR_EQUAL",
}


def _set_query(message: Any, query: Query) -> None:
    message.from_.add(collection_id=query.collection)
    if query.where is not None:
        _set_where(message.where, query.where)
    for order in query.order_by:
        added = message.order_by.add(direction=2 if order.descending else 1)
        added.field.field_path = formatted(order.field)
    for cursor, target in ((query.start, "start_at"), (query.end, "end_at")):
        if cursor is not None:
            _set_cursor(getattr(message, target), cursor)
    message.offset = query.offset
    if query.limit is not None:
        message.limit.value = query.limit


def _set_cursor(message: Any, cursor: Cursor) -> None:
    message.before = cursor.before
    for value in cursor.values:
        set_value(message.values.add(), value)


def _set_where(message: Any, where: Where) -> None:
    if not isinstance(where, Filter):
        composite = message.composite_filter
        composite.op = composite.Operator.Value("OR" if where.is_or else "AND")
        for part in where.parts:
            _set_where(composite.filters.add(), part)
    elif where.op.name.startswith("IS_"):
        unary = message.unary_filter
        unary.op = unary.Operator.Value(where.op.name)
        unary.field.field_path = formatted(where.field)
    else:
        filtered = message.field_filter
        filtered.op = filtered.Operator.Value(_NAMES.get(where.op, where.op.name))
        filtered.field.field_path = formatted(where.field)
        set_value(filtered.value, where.value)
