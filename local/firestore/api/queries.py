"""Queries and aggregations."""

from __future__ import annotations

from collections.abc import Iterator

from local.firestore.api.consistency import reading
from local.firestore.api.databases import Databases
from local.firestore.refusals import unimplemented
from local.firestore.wire.documents import document_message
from local.firestore.wire.messages import Message, requests
from local.firestore.wire.names import parent_name
from local.firestore.wire.queries import aggregations_of, query_of
from local.firestore.wire.values import set_value

_RunQueryResponse = requests.RunQueryResponse.pb()
_RunAggregationQueryResponse = requests.RunAggregationQueryResponse.pb()


class Queries:
    """Answers the methods that query."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def run_query(self, request: Message) -> Iterator[Message]:
        """Send the results one by one, or the read time alone if there are none."""
        _refuse_explanation(request)
        parent = parent_name(request.parent)
        opened = self._databases.open(parent.database)
        query = query_of(request.structured_query, parent)
        how = reading(opened, request)
        found = opened.database.query(query, how.at)
        how.lock(*(document.path for document in found), query=query)
        if how.begun:
            yield _RunQueryResponse(transaction=how.begun)
        if not found:
            yield how.stamp(_RunQueryResponse())
        for document in found:
            answer = how.stamp(_RunQueryResponse())
            answer.document.MergeFrom(document_message(opened.name, document, query.select))
            yield answer

    def run_aggregation_query(self, request: Message) -> Iterator[Message]:
        """Send the figures."""
        _refuse_explanation(request)
        parent = parent_name(request.parent)
        opened = self._databases.open(parent.database)
        wanted = aggregations_of(request.structured_aggregation_query)
        summed = [each.field for each in wanted.values() if each.field is not None]
        query = query_of(request.structured_aggregation_query.structured_query, parent, summed)
        how = reading(opened, request)
        figures = opened.database.aggregate(query, [*wanted.values()], how.at)
        how.lock(query=query)
        answer = how.stamp(_RunAggregationQueryResponse(transaction=how.begun))
        for alias, figure in zip(wanted, figures, strict=True):
            set_value(answer.result.aggregate_fields[alias], figure)
        yield answer


def _refuse_explanation(request: Message) -> None:
    if request.HasField("explain_options"):
        raise unimplemented("explain_options is not supported by the local Firestore.")
