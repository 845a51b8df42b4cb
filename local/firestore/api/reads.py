"""Reads of documents by their names, and lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import quote, unquote

from local.firestore.api.consistency import reading
from local.firestore.api.databases import Databases
from local.firestore.query.field_path import NAME, parsed
from local.firestore.query.query import Cursor, Order, Query
from local.firestore.refusals import invalid, not_found
from local.firestore.values.kinds import Reference
from local.firestore.wire.documents import document_message, mask_of
from local.firestore.wire.messages import DocumentMessage, Message, requests
from local.firestore.wire.names import document_name, parent_name, resource_id
from local.firestore.wire.writes import path_in

LARGEST_PAGE: Final = 300
"""Documents of one page; the service may also send fewer than are asked for."""

_BatchGetResponse = requests.BatchGetDocumentsResponse.pb()
_ListDocumentsResponse = requests.ListDocumentsResponse.pb()
_ListCollectionIdsResponse = requests.ListCollectionIdsResponse.pb()


class Reads:
    """Answers the methods that read documents."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    def get_document(self, request: Message) -> DocumentMessage:
        """Read one document."""
        name = document_name(request.name)
        opened = self._databases.open(name.database)
        how = reading(opened, request)
        found = opened.database.get(name.path, how.at)
        how.lock(name.path)
        if found is None:
            raise not_found(f"Document {request.name!r} not found.")
        return document_message(name.database, found, mask_of(request))

    def batch_get_documents(self, request: Message) -> Iterator[Message]:
        """Read several documents; each comes once."""
        opened = self._databases.open(request.database)
        paths = {text: path_in(text, opened.name) for text in request.documents}
        mask = mask_of(request)
        how = reading(opened, request)
        how.lock(*paths.values())
        if how.begun:
            yield _BatchGetResponse(transaction=how.begun)
        for text, path in paths.items():
            answer = how.stamp(_BatchGetResponse())
            found = opened.database.get(path, how.at)
            if found is None:
                answer.missing = text
            else:
                answer.found.CopyFrom(document_message(opened.name, found, mask))
            yield answer

    def list_documents(self, request: Message) -> Message:
        """List a page of a collection's documents."""
        parent = parent_name(request.parent)
        opened = self._databases.open(parent.database)
        how = reading(opened, request)
        if request.show_missing and request.order_by:
            raise invalid("show_missing can't be used with order_by.")
        size = min(request.page_size or LARGEST_PAGE, LARGEST_PAGE)
        query = Query(
            collection=resource_id(request.collection_id) if request.collection_id else None,
            parent=parent.path,
            order_by=tuple(_order(each) for each in request.order_by.split(",") if each.strip()),
        )
        last = unquote(request.page_token)
        page_query = query
        if not query.order_by:
            page_query = replace(query, order_by=(Order(NAME),), start=_after(last), limit=size + 1)
        found = opened.database.query(page_query, how.at)
        how.lock(query=query)
        names = {document.path: document for document in found}
        listed: list[str] = [*names]
        if request.show_missing and query.collection is not None:
            missing = (f"{query.path}/{each}" for each in opened.database.missing_ids(query.path))
            listed = sorted([*listed, *(each for each in missing if each > last)])
        page, token = page_of(listed, size=size, token=request.page_token)
        answer = _ListDocumentsResponse(next_page_token=token)
        mask = mask_of(request)
        for path in page:
            if path in names:
                answer.documents.append(document_message(opened.name, names[path], mask))
            else:
                answer.documents.add().name = f"{opened.name}/documents/{path}"
        return answer

    def list_collection_ids(self, request: Message) -> Message:
        """List a page of the ids of the collections below a document."""
        parent = parent_name(request.parent)
        ids = self._databases.open(parent.database).database.collection_ids(parent.path)
        size = min(request.page_size or LARGEST_PAGE, LARGEST_PAGE)
        page, token = page_of(ids, size=size, token=request.page_token)
        return _ListCollectionIdsResponse(collection_ids=page, next_page_token=token)


def page_of(names: list[str], *, size: int, token: str) -> tuple[list[str], str]:
    """The page that follows a token, and the token of the next one; empty: there is none.

    A token holds the last name of its page, so nothing is listed twice if something is added; if
    that one is gone meanwhile in another order than by name, the rest of the list is left out.
    """
    last = unquote(token)
    start = names.index(last) + 1 if last in names else 0
    if token and start == 0:
        start = sum(name <= last for name in names)
    page = names[start : start + size]
    more = start + size < len(names)
    return page, quote(page[-1], safe="") if page and more else ""


def _after(last: str) -> Cursor | None:
    """The place after a page whose last document is this; None: the start."""
    return Cursor((Reference(last),), before=False) if last else None


def _order(text: str) -> Order:
    path, _, direction = text.strip().partition(" ")
    if direction.strip().lower() not in ("", "asc", "desc"):
        raise invalid(f"order_by: {text!r} has an unknown direction.")
    return Order(parsed(path), direction.strip().lower() == "desc")
