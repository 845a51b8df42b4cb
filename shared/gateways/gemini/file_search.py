"""The Gemini port over google-genai."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import IO, TYPE_CHECKING

from shared.domain.errors import BadRequest, SourceChanged
from shared.domain.metadata.metadata import MetadataEntry
from shared.gateways.cloud_storage.source_stream import SourceStream
from shared.gateways.gemini import messages
from shared.gateways.gemini.connection import GeminiConnection
from shared.gateways.gemini.errors import Effect
from shared.gateways.ports import (
    Chunking,
    Document,
    DocumentPage,
    ImportOperation,
    RemoteFile,
    Store,
    StorePage,
)

if TYPE_CHECKING:
    from google.genai import types

PAGE_SIZE = 20
"""Most documents or stores in a page; the service answers 400 if more are asked for."""
MODELS = "models/"
LEAST_SPEED = 500_000
"""Bytes a second: an upload may take the timeout, and what its size takes at this speed."""
MAX_DISPLAY_NAME = 512
"""Characters; source: the API reference."""


class GeminiFileSearch(GeminiConnection):
    """``Gemini`` over google-genai. Safe to use from several threads."""

    # --- raw files ------------------------------------------------------------------------

    def upload(
        self, file_id: str, content: IO[bytes], *, size: int, media_type: str, display_name: str
    ) -> RemoteFile:
        """Upload, and compare what the service received with what was read.

        The result always has the ``sha256`` of the bytes sent. A 5xx is ``Unavailable`` even if the
        raw file was created: sending it again is then answered with ``NameTaken``.

        Raises:
            SourceChanged: The content has another length, or the service received other bytes than
                were read (a chunk was lost). In the latter case, the name is used up.
        """
        name = _checked("upload", messages.FILE, f"files/{file_id}")
        source = SourceStream(content, size)
        config: types.UploadFileConfigDict = {"name": name, "mime_type": media_type}
        if title := display_name.strip()[:MAX_DISPLAY_NAME]:
            config["display_name"] = title
        client = self.client()
        more = timedelta(seconds=size / LEAST_SPEED)
        with self.call("upload", Effect.REPEATABLE, more):
            # Pass a stream, not a path: google-genai sends a path's name in an ASCII-only header.
            file = messages.remote_file(client.files.upload(file=source, config=config))
        sent = source.sha256
        if file.size not in (None, size) or file.sha256 not in ("", sent):
            raise SourceChanged(f"{name} differs from what was sent: {file.size} of {size} bytes")
        return RemoteFile(file.name, file.state, size, sent, file.expires_at, file.error)

    def get_file(self, name: str) -> RemoteFile:
        """A raw file. Raises ``Forbidden`` (403) if it is missing or has expired."""
        _checked("get_file", messages.FILE, name)
        client = self.client()
        with self.call("get_file", Effect.NONE):
            return messages.remote_file(client.files.get(name=name))

    def delete_file(self, name: str) -> None:
        """Delete a raw file; documents imported from it stay."""
        _checked("delete_file", messages.FILE, name)
        client = self.client()
        with self.call("delete_file", Effect.REPEATABLE):
            client.files.delete(name=name)

    # --- imports --------------------------------------------------------------------------

    def import_file(
        self,
        store: str,
        file_name: str,
        metadata: Sequence[MetadataEntry],
        chunking: Chunking | None,
    ) -> ImportOperation:
        """Start an import. A 5xx is ``OutcomeUnknown``: the import may be running."""
        _checked("import_file", messages.STORE, store)
        _checked("import_file", messages.FILE, file_name)
        config = messages.import_config(metadata, chunking)
        client = self.client()
        with self.call("import_file", Effect.ONCE):
            return messages.import_operation(
                client.file_search_stores.import_file(
                    file_search_store_name=store, file_name=file_name, config=config
                )
            )

    def get_operation(self, name: str) -> ImportOperation:
        """The operation of an import, also of one that another process started."""
        from google.genai import types  # noqa: PLC0415 - its import takes half a second

        _checked("get_operation", messages.OPERATION, name)
        client = self.client()
        with self.call("get_operation", Effect.NONE):
            # The client needs the operation object that the import returned; its name is enough.
            operation = types.ImportFileOperation.model_validate({"name": name})
            return messages.import_operation(client.operations.get(operation))

    # --- documents ------------------------------------------------------------------------

    def get_document(self, name: str) -> Document:
        """A document of a store. Raises ``NotFound`` if it is missing."""
        _checked("get_document", messages.DOCUMENT, name)
        client = self.client()
        with self.call("get_document", Effect.NONE):
            return messages.document(client.file_search_stores.documents.get(name=name))

    def list_documents(self, store: str, page_token: str = "") -> DocumentPage:
        """A page of at most 20 documents, oldest first."""
        _checked("list_documents", messages.STORE, store)
        config: types.ListDocumentsConfigDict = {"page_size": PAGE_SIZE}
        if page_token:
            config["page_token"] = page_token
        client = self.client()
        with self.call("list_documents", Effect.NONE):
            # Use the pager's first page and its token only: its iterator raises IndexError at an
            # empty page that is followed by another.
            pager = client.file_search_stores.documents.list(parent=store, config=config)
            return DocumentPage(
                tuple(messages.document(reply) for reply in pager.page),
                str(pager.config.get("page_token") or ""),
            )

    def delete_document(self, name: str) -> None:
        """Delete a document and its chunks; the service requires ``force`` if it is indexed."""
        _checked("delete_document", messages.DOCUMENT, name)
        client = self.client()
        with self.call("delete_document", Effect.REPEATABLE):
            client.file_search_stores.documents.delete(name=name, config={"force": True})

    # --- stores ---------------------------------------------------------------------------

    def get_store(self, name: str) -> Store:
        """A store with its counts. Raises ``Forbidden`` (403) if it is missing."""
        _checked("get_store", messages.STORE, name)
        client = self.client()
        with self.call("get_store", Effect.NONE):
            return messages.store(client.file_search_stores.get(name=name))

    def list_stores(self, page_token: str = "") -> StorePage:
        """A page of at most 20 stores."""
        config: types.ListFileSearchStoresConfigDict = {"page_size": PAGE_SIZE}
        if page_token:
            config["page_token"] = page_token
        client = self.client()
        with self.call("list_stores", Effect.NONE):
            pager = client.file_search_stores.list(config=config)
            return StorePage(
                tuple(messages.store(reply) for reply in pager.page),
                str(pager.config.get("page_token") or ""),
            )

    def create_store(self, display_name: str, embedding_model: str) -> Store:
        """Create a store; an empty model means the default. A 5xx is ``OutcomeUnknown``.

        The service knows a model by its whole name, ``models/...``, which is completed here.
        """
        config: types.CreateFileSearchStoreConfigDict = {
            "display_name": display_name.strip()[:MAX_DISPLAY_NAME]
        }
        if embedding_model:
            config["embedding_model"] = MODELS + embedding_model.removeprefix(MODELS)
        client = self.client()
        with self.call("create_store", Effect.ONCE):
            return messages.store(client.file_search_stores.create(config=config))

    def delete_store(self, name: str) -> None:
        """Delete a store and its documents (``force``)."""
        _checked("delete_store", messages.STORE, name)
        client = self.client()
        with self.call("delete_store", Effect.REPEATABLE):
            client.file_search_stores.delete(name=name, config={"force": True})


def _checked(call: str, form: re.Pattern[str], name: str) -> str:
    if not form.fullmatch(name):
        raise BadRequest(f"gemini.{call}", status="INVALID_NAME", detail=repr(name[:100]))
    return name
