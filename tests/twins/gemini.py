"""In-memory twin of Gemini File Search."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import IO

from shared.domain.errors import (
    BadRequest,
    Forbidden,
    NameTaken,
    NotFound,
    QuotaKind,
    Throttled,
)
from shared.domain.estimate.store_capacity import STORED_PER_BYTE
from shared.domain.metadata.metadata import MetadataEntry
from shared.gateways.cloud_storage.source_stream import SourceStream
from shared.gateways.gemini import messages as names
from shared.gateways.ports import (
    Chunking,
    Clock,
    Document,
    DocumentPage,
    ImportOperation,
    RemoteFile,
    RemoteState,
    Store,
    StorePage,
)
from tests.twins.imports import Import, ImportFate, fits, is_possible
from tests.twins.scripted_calls import ScriptedCalls

DEFAULT_MODEL = "gemini-embedding-001"
FILE_LIFE = timedelta(hours=48)
"""Source: the Files API's documentation."""
PAGE_SIZE = 20
SERIAL_DIGITS = 12
"""Digits at the end of an id; the service puts as many random characters there."""


@dataclass(frozen=True, slots=True)
class _File:
    reply: RemoteFile
    ready_at: datetime
    expires_at: datetime


@dataclass(slots=True)
class _Store:
    name: str
    title: str
    model: str
    imports: dict[str, Import] = field(default_factory=dict)


class MemoryGemini(ScriptedCalls):
    """``Gemini`` in memory, which behaves as the service is documented or else reported to.

    A missing raw file or store is a 403, a missing document or operation a 404. Raw files become
    active after ``file_latency`` and expire after 48 h. Documents can't be changed; their display
    name is the raw file's id, so two may share it; they settle after ``import_latency``. Each
    import takes the first of ``fates``, if there is one.

    Attributes:
        imports: Number of imports that took effect, also of documents deleted since.
        imports_bound: Imports beyond so many in progress FAIL, as reported; None for no bound.
        storage_cap: Bytes that all stores may hold; None for no limit.
        stored_per_byte: How many bytes that limit counts for each byte of input.
        counts_lag: How long the stores' counts and sizes lag behind new documents.
        reported_per_byte: How many bytes the stores report for each byte of input.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        file_latency: timedelta = timedelta(),
        import_latency: timedelta = timedelta(),
    ) -> None:
        super().__init__()
        self.file_latency = file_latency
        self.import_latency = import_latency
        self.fates: deque[ImportFate] = deque()
        self.imports = 0
        self.imports_bound: int | None = None
        self.storage_cap: int | None = None
        self.stored_per_byte = STORED_PER_BYTE
        self.reported_per_byte = 1
        self.counts_lag = timedelta()
        self._clock = clock
        self._files: dict[str, _File] = {}
        self._stores: dict[str, _Store] = {}
        self._operations: dict[str, Import] = {}
        self._serial = 0

    @property
    def metered(self) -> int:
        """Number of requests that count for the quota."""
        return self.calls["upload"] + self.calls["import_file"]

    # --- raw files ------------------------------------------------------------------------

    def upload(
        self,
        file_id: str,
        content: IO[bytes],
        *,
        size: int,
        media_type: str,
        display_name: str,  # noqa: ARG002 - people see it in the service's own console
    ) -> RemoteFile:
        """Upload a raw file with the name ``files/{file_id}``."""
        with self._call("upload"):
            name = f"files/{file_id}"
            _check("gemini.upload", names.FILE, name)
            if not media_type:
                raise BadRequest("gemini.upload", code=400, status="INVALID_ARGUMENT")
            if self._live(name):
                raise NameTaken("gemini.upload", code=409, status="ALREADY_EXISTS")
            source = SourceStream(content, size)
            source.read()
            now = self._clock.now()
            file = RemoteFile(name, RemoteState.PENDING, size, source.sha256, now + FILE_LIFE)
            self._files[name] = _File(file, now + self.file_latency, now + FILE_LIFE)
            return file

    def get_file(self, name: str) -> RemoteFile:
        """A raw file. Raises ``Forbidden`` if it is missing."""
        with self._call("get_file"):
            return self._file("gemini.get_file", name).reply

    def delete_file(self, name: str) -> None:
        """Delete a raw file; documents imported from it stay."""
        with self._call("delete_file"):
            self._file("gemini.delete_file", name)
            del self._files[name]

    # --- imports --------------------------------------------------------------------------

    def import_file(
        self,
        store: str,
        file_name: str,
        metadata: Sequence[MetadataEntry],
        chunking: Chunking | None,
    ) -> ImportOperation:
        """Start an import. Its pending document exists at once, with the operation's id."""
        with self._call("import_file"):
            target = self._store("gemini.import_file", store)
            file = self._file("gemini.import_file", file_name)
            if file.reply.state is not RemoteState.ACTIVE:
                raise BadRequest("gemini.import_file", code=400, status="FAILED_PRECONDITION")
            if not (fits(metadata) and is_possible(chunking)):
                raise BadRequest("gemini.import_file", code=400, status="INVALID_ARGUMENT")
            self._check_storage(file.reply.size or 0)
            now = self._clock.now()
            serial = self._next_id("doc")
            made = Import(
                Document(
                    name=f"{store}/documents/{serial}",
                    display_name=file_name.removeprefix("files/"),
                    state=RemoteState.PENDING,
                    size=file.reply.size,
                    created_at=now,
                    metadata={entry.key: entry.value for entry in metadata},
                ),
                operation=f"{store}/operations/{serial}",
                source=file_name,
                settles_at=now + self.import_latency,
                fate=self._next_fate(target),
            )
            target.imports[made.document.name] = made
            self._operations[made.operation] = made
            self.imports += 1
            return ImportOperation(made.operation, done=False)

    def get_operation(self, name: str) -> ImportOperation:
        """The operation of an import. Raises ``NotFound`` if it is missing."""
        with self._call("get_operation"):
            _check("gemini.get_operation", names.OPERATION, name)
            made = self._operations.get(name)
            if made is None:
                raise NotFound("gemini.get_operation", code=404)
            return made.operation_at(self._clock.now())

    # --- documents ------------------------------------------------------------------------

    def get_document(self, name: str) -> Document:
        """A document. Raises ``NotFound`` if it is missing."""
        with self._call("get_document"):
            return self._document("gemini.get_document", name).document_at(self._clock.now())

    def list_documents(self, store: str, page_token: str = "") -> DocumentPage:
        """A page of at most 20 documents, oldest first."""
        with self._call("list_documents"):
            imports = self._store("gemini.list_documents", store).imports
            now = self._clock.now()
            page, token = _page(imports, page_token)
            return DocumentPage(tuple(imports[name].document_at(now) for name in page), token)

    def delete_document(self, name: str) -> None:
        """Delete a document. Raises ``NotFound`` if it is missing."""
        with self._call("delete_document"):
            self._document("gemini.delete_document", name)
            del self._stores[name.partition("/documents/")[0]].imports[name]

    # --- stores ---------------------------------------------------------------------------

    def get_store(self, name: str) -> Store:
        """A store with its counts. Raises ``Forbidden`` if it is missing."""
        with self._call("get_store"):
            return self._described(self._store("gemini.get_store", name))

    def list_stores(self, page_token: str = "") -> StorePage:
        """A page of at most 20 stores, oldest first."""
        with self._call("list_stores"):
            page, token = _page(self._stores, page_token)
            return StorePage(tuple(self._described(self._stores[name]) for name in page), token)

    def create_store(self, display_name: str, embedding_model: str) -> Store:
        """Create a store; two may share a display name."""
        with self._call("create_store"):
            stem = re.sub(r"[^a-z0-9]+", "-", display_name.lower()).strip("-")[:27].rstrip("-")
            name = f"fileSearchStores/{self._next_id(stem or 'store')}"
            model = (embedding_model or DEFAULT_MODEL).removeprefix("models/")
            if not model.startswith("gemini-embedding-"):
                raise BadRequest("gemini.create_store", code=400, status="INVALID_ARGUMENT")
            self._stores[name] = _Store(name, display_name, f"models/{model}")
            return self._described(self._stores[name])

    def delete_store(self, name: str) -> None:
        """Delete a store and its documents. Raises ``Forbidden`` if it is missing."""
        with self._call("delete_store"):
            self._store("gemini.delete_store", name)
            del self._stores[name]

    # --- for tests ------------------------------------------------------------------------

    def sources(self, store: str) -> Mapping[str, str]:
        """The raw file from which each document of a store was imported, by document name."""
        return {name: made.source for name, made in self._stores[store].imports.items()}

    # --- inside ---------------------------------------------------------------------------

    def _check_storage(self, size: int) -> None:
        if self.storage_cap is None:
            return
        held = [m for store in self._stores.values() for m in store.imports.values()]
        used = size + sum(made.document.size or 0 for made in held)
        if used * self.stored_per_byte > self.storage_cap:
            raise Throttled(
                "gemini.import_file", quota=QuotaKind.STORAGE, storage_limit=self.storage_cap
            )

    def _next_fate(self, store: _Store) -> ImportFate:
        fate = self.fates.popleft() if self.fates else ImportFate()
        if self.imports_bound is None or fate != ImportFate():
            return fate
        now = self._clock.now()
        in_progress = sum(now < made.settles_at for made in store.imports.values())
        return ImportFate(document_fails=in_progress >= self.imports_bound)

    def _next_id(self, stem: str) -> str:
        self._serial += 1
        return f"{stem}-{self._serial:0{SERIAL_DIGITS}}"

    def _live(self, name: str) -> _File | None:
        file = self._files.get(name)
        return file if file and self._clock.now() < file.expires_at else None

    def _file(self, call: str, name: str) -> _File:
        _check(call, names.FILE, name)
        file = self._live(name)
        if file is None:
            raise Forbidden(call, code=403, status="PERMISSION_DENIED")
        if self._clock.now() >= file.ready_at:
            return replace(file, reply=replace(file.reply, state=RemoteState.ACTIVE))
        return file

    def _store(self, call: str, name: str) -> _Store:
        _check(call, names.STORE, name)
        store = self._stores.get(name)
        if store is None:
            raise Forbidden(call, code=403, status="PERMISSION_DENIED")
        return store

    def _document(self, call: str, name: str) -> Import:
        _check(call, names.DOCUMENT, name)
        store = self._store(call, name.partition("/documents/")[0])
        if name not in store.imports:
            raise NotFound(call, code=404, status="NOT_FOUND")
        return store.imports[name]

    def _described(self, store: _Store) -> Store:
        counted_at = self._clock.now() - self.counts_lag
        counted = list(store.imports.values())
        if self.counts_lag:
            counted = [made for made in counted if made.began_at <= counted_at]
        states = [made.state_at(counted_at) for made in counted]
        return Store(
            name=store.name,
            display_name=store.title,
            embedding_model=store.model,
            active_documents=states.count(RemoteState.ACTIVE),
            pending_documents=states.count(RemoteState.PENDING),
            failed_documents=states.count(RemoteState.FAILED),
            size_bytes=self.reported_per_byte * sum(made.document.size or 0 for made in counted),
        )


def _check(call: str, form: re.Pattern[str], name: str) -> None:
    if not form.fullmatch(name):
        raise BadRequest(call, status="INVALID_NAME")


def _page(names: Iterable[str], token: str) -> tuple[list[str], str]:
    """The names after the serial number ``token``, and the next token ("" at the end).

    Serial numbers increase, so a deletion between two pages hides no name.
    """
    later = [name for name in names if name[-SERIAL_DIGITS:] > token]
    page = later[:PAGE_SIZE]
    return page, page[-1][-SERIAL_DIGITS:] if len(later) > PAGE_SIZE else ""
