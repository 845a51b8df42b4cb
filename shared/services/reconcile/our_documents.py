"""Tells which documents of the store are the deployment's, and from which files they come."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shared.domain.metadata.metadata_value import path_value
from shared.domain.reconcile.judge import StoredDocument
from shared.gateways.database import queries
from shared.gateways.database.records import Records
from shared.gateways.ports import Document, RemoteState
from shared.services.context import Context

_SHORTENED = re.compile(r"[0-9a-f]{32}…/")
"""The beginning of a ``path_value`` that was shortened to fit."""


class OurDocuments:
    """Reads documents' metadata."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._long_names: dict[str, str] | None = None

    def is_ours(self, document: Document) -> bool:
        """Whether the document has this deployment's owner tag, and says from which file it is."""
        metadata = document.metadata
        mine = metadata.get("owner") == self._context.rules.settings.owner
        named = (metadata.get("path"), metadata.get("content_key"))
        return mine and all(isinstance(each, str) for each in named)

    def read(self, documents: Iterable[Document]) -> tuple[list[StoredDocument], list[Document]]:
        """The documents with this deployment's owner tag, and the others, which are foreign."""
        ours: list[StoredDocument] = []
        foreign: list[Document] = []
        for document in documents:
            if self.is_ours(document):
                metadata = document.metadata
                path, key = str(metadata["path"]), str(metadata["content_key"])
                ours.append(self._stored(document, path, key))
            else:
                foreign.append(document)
        return ours, foreign

    def _stored(self, document: Document, path: str, key: str) -> StoredDocument:
        content_hash = document.metadata.get("content_hash")
        is_late = document.state is RemoteState.PENDING and self._is_overdue(document)
        return StoredDocument(
            path=self._full_name(path, document.name),
            name=document.name,
            key=key,
            content_hash=content_hash if isinstance(content_hash, str) else "",
            size=document.size or 0,
            is_active=document.state is RemoteState.ACTIVE,
            is_failed=document.state is RemoteState.FAILED or is_late,
            created_at=document.created_at,
        )

    def _is_overdue(self, document: Document) -> bool:
        """Whether the document has been PENDING for longer than an import may take."""
        began, patience = document.created_at, self._context.rules.file.import_deadline
        return began is not None and self._context.clock.now() - began >= patience

    def _full_name(self, path: str, document: str) -> str:
        """The object's name; a shortened path is looked up in the records, then in the bucket."""
        prefix = self._context.rules.settings.prefix
        if not _SHORTENED.match(path):
            return prefix + path
        known = _path_of(self._context.records, document)
        if known:
            return known
        if self._long_names is None:
            self._long_names = dict(self._shortened_names())
        return self._long_names.get(path, prefix + path)

    def _shortened_names(self) -> Iterable[tuple[str, str]]:
        rules = self._context.rules
        start, more = "", True
        while more:
            objects = self._context.bucket.list_objects(
                prefix=rules.settings.prefix, start=start, limit=rules.page_size
            )
            for info in objects:
                relative = rules.settings.relative(info.name)
                if path_value(relative) != relative:
                    yield path_value(relative), info.name
            more = len(objects) == rules.page_size
            start = objects[-1].name + "\0" if objects else ""


def _path_of(records: Records, document: str) -> str:
    found = records.documents.query(queries.holding(document))
    return str((found[0].fields or {})["path"]) if found else ""
