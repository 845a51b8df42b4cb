"""The Gemini port over google-genai."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import IO, TYPE_CHECKING

from shared.domain.errors import BadRequest, SourceChanged
from shared.domain.metadata.metadata import MetadataEntry
from shared.gateways.cloud_storage.source_stream import SourceStream
from shared.gateways.gemini import messages
from shared.gateways.gemini.errors import Effect, gemini_errors, raise_error_in_upload
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
    import httpx2
    from google import genai
    from google.genai import types

SERVICE_URL = "https://generativelanguage.googleapis.com/"
API_VERSION = "v1beta"
"""The only version with File Search; source: the API's discovery documents. google-genai's own
default is v1."""
PAGE_SIZE = 20
"""Most documents or stores in a page; the service answers 400 if more are asked for."""
MODELS = "models/"
MAX_DISPLAY_NAME = 512
"""Characters; source: the API reference."""


class GeminiFileSearch:
    """``Gemini`` over google-genai, with one client per process. Safe to use from several threads.

    The client is created at the first call, since its import takes half a second. Environment
    variables for a key, Vertex mode, base URL, API version or replays are ignored; those for
    proxies and certificates apply.

    ``timeout`` is for each connect, read and write, not for the whole call. Nothing is retried,
    with one exception that google-genai can't turn off: a chunk of an upload whose reply has no
    upload status is sent up to three times, over 7 s.
    """

    def __init__(self, api_key: str, *, base_url: str | None, timeout: timedelta) -> None:
        self._api_key = api_key
        self._base_url = base_url or SERVICE_URL
        self._timeout = timeout
        self._lock = threading.Lock()
        self._made: tuple[genai.Client, httpx2.Client] | None = None

    def close(self) -> None:
        """Close the connections; a later call creates a new client."""
        with self._lock:
            if self._made is not None:
                client, connections = self._made
                client.close()
                connections.close()
                self._made = None

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
        client = self._client()
        with self._call("upload", Effect.REPEATABLE):
            # Pass a stream, not a path: google-genai sends a path's name in an ASCII-only header.
            file = messages.remote_file(client.files.upload(file=source, config=config))
        sent = source.sha256
        if file.size not in (None, size) or file.sha256 not in ("", sent):
            raise SourceChanged(f"{name} differs from what was sent: {file.size} of {size} bytes")
        return RemoteFile(file.name, file.state, size, sent, file.expires_at, file.error)

    def get_file(self, name: str) -> RemoteFile:
        """A raw file. Raises ``Forbidden`` (403) if it is missing or has expired."""
        _checked("get_file", messages.FILE, name)
        client = self._client()
        with self._call("get_file", Effect.NONE):
            return messages.remote_file(client.files.get(name=name))

    def delete_file(self, name: str) -> None:
        """Delete a raw file; documents imported from it stay."""
        _checked("delete_file", messages.FILE, name)
        client = self._client()
        with self._call("delete_file", Effect.REPEATABLE):
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
        client = self._client()
        with self._call("import_file", Effect.ONCE):
            return messages.import_operation(
                client.file_search_stores.import_file(
                    file_search_store_name=store, file_name=file_name, config=config
                )
            )

    def get_operation(self, name: str) -> ImportOperation:
        """The operation of an import, also of one that another process started."""
        from google.genai import types  # noqa: PLC0415 - its import takes half a second

        _checked("get_operation", messages.OPERATION, name)
        client = self._client()
        with self._call("get_operation", Effect.NONE):
            # The client needs the operation object that the import returned; its name is enough.
            operation = types.ImportFileOperation.model_validate({"name": name})
            return messages.import_operation(client.operations.get(operation))

    # --- documents ------------------------------------------------------------------------

    def get_document(self, name: str) -> Document:
        """A document of a store. Raises ``NotFound`` if it is missing."""
        _checked("get_document", messages.DOCUMENT, name)
        client = self._client()
        with self._call("get_document", Effect.NONE):
            return messages.document(client.file_search_stores.documents.get(name=name))

    def list_documents(self, store: str, page_token: str = "") -> DocumentPage:
        """A page of at most 20 documents, oldest first."""
        _checked("list_documents", messages.STORE, store)
        config: types.ListDocumentsConfigDict = {"page_size": PAGE_SIZE}
        if page_token:
            config["page_token"] = page_token
        client = self._client()
        with self._call("list_documents", Effect.NONE):
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
        client = self._client()
        with self._call("delete_document", Effect.REPEATABLE):
            client.file_search_stores.documents.delete(name=name, config={"force": True})

    # --- stores ---------------------------------------------------------------------------

    def get_store(self, name: str) -> Store:
        """A store with its counts. Raises ``Forbidden`` (403) if it is missing."""
        _checked("get_store", messages.STORE, name)
        client = self._client()
        with self._call("get_store", Effect.NONE):
            return messages.store(client.file_search_stores.get(name=name))

    def list_stores(self, page_token: str = "") -> StorePage:
        """A page of at most 20 stores."""
        config: types.ListFileSearchStoresConfigDict = {"page_size": PAGE_SIZE}
        if page_token:
            config["page_token"] = page_token
        client = self._client()
        with self._call("list_stores", Effect.NONE):
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
        client = self._client()
        with self._call("create_store", Effect.ONCE):
            return messages.store(client.file_search_stores.create(config=config))

    def delete_store(self, name: str) -> None:
        """Delete a store and its documents (``force``)."""
        _checked("delete_store", messages.STORE, name)
        client = self._client()
        with self._call("delete_store", Effect.REPEATABLE):
            client.file_search_stores.delete(name=name, config={"force": True})

    # --- inside ---------------------------------------------------------------------------

    def _call(self, call: str, effect: Effect) -> AbstractContextManager[None]:
        return gemini_errors(f"gemini.{call}", effect, secret=self._api_key)

    def _client(self) -> genai.Client:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made[0]

    def _make(self) -> tuple[genai.Client, httpx2.Client]:
        import httpx2  # noqa: PLC0415 - as above
        from google import genai  # noqa: PLC0415 - as above
        from google.genai import client, types  # noqa: PLC0415 - as above

        connections = httpx2.Client(
            timeout=self._timeout.total_seconds(),
            event_hooks={"response": [raise_error_in_upload]},
        )
        return (
            genai.Client(
                api_key=self._api_key,
                vertexai=False,
                debug_config=client.DebugConfig(client_mode=None),  # no replays
                http_options=types.HttpOptions(
                    base_url=self._base_url,
                    api_version=API_VERSION,
                    timeout=round(self._timeout.total_seconds() * 1000),
                    retry_options=types.HttpRetryOptions(attempts=1),
                    httpx_client=connections,  # so that its errors are those caught here
                ),
            ),
            connections,
        )


def _checked(call: str, form: re.Pattern[str], name: str) -> str:
    if not form.fullmatch(name):
        raise BadRequest(f"gemini.{call}", status="INVALID_NAME", detail=repr(name[:100]))
    return name
