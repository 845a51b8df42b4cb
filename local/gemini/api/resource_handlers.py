"""Handlers of the routes of files, stores, documents, operations, media and models."""

from __future__ import annotations

from collections.abc import Mapping

from local.gemini.api import paging
from local.gemini.api.exchange import Call, Handler, Reply, json_reply
from local.gemini.resources.files import FileState
from local.gemini.resources.imports import Source
from local.gemini.simulator import Simulator
from local.gemini.traffic.faults import FaultKind
from local.gemini.wire.errors import check_fields, failed_precondition, invalid_argument, not_found
from local.gemini.wire.messages import JsonObject
from local.gemini.wire.metadata import check_chunking, parse_metadata
from local.gemini.wire.names import check_display_name
from local.gemini.wire.routes import Route


class ResourceHandlers:
    """Answers all calls that are not part of an upload."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def by_route(self) -> Mapping[Route, Handler]:
        """Return the handler of each route."""
        return {
            Route.FILES_GET: self._get_file,
            Route.FILES_LIST: self._list_files,
            Route.FILES_DELETE: self._delete_file,
            Route.STORES_CREATE: self._create_store,
            Route.STORES_GET: self._get_store,
            Route.STORES_LIST: self._list_stores,
            Route.STORES_DELETE: self._delete_store,
            Route.STORES_IMPORT_FILE: self._import_file,
            Route.DOCUMENTS_GET: self._get_document,
            Route.DOCUMENTS_LIST: self._list_documents,
            Route.DOCUMENTS_DELETE: self._delete_document,
            Route.OPERATIONS_GET: self._get_operation,
            Route.MEDIA_DOWNLOAD: self._download,
            Route.MODELS_GENERATE_CONTENT: self._generate,
        }

    def _get_file(self, call: Call) -> Reply:
        file = self._simulator.files.get(call.names["name"])
        return json_reply(file.to_json(self._simulator.clock.now(), call.head.base_url))

    def _list_files(self, call: Call) -> Reply:
        self._simulator.files.purge()
        now = self._simulator.clock.now()
        files, token = paging.page(
            self._simulator.files.table, "", call.head.query, maximum=paging.MAX_FILES
        )
        return self._page(call, "files", [f.to_json(now, call.head.base_url) for f in files], token)

    def _delete_file(self, call: Call) -> Reply:
        self._simulator.files.delete(call.names["name"])
        return json_reply({})

    # ------------------------------------------------------------------ stores

    def _create_store(self, call: Call) -> Reply:
        check_fields(call.message, "displayName", "embeddingModel")
        store = self._simulator.stores.create(
            display_name=check_display_name(call.message.get("displayName")),
            embedding_model=str(call.message.get("embeddingModel") or ""),
        )
        call.resource = store.name
        return json_reply(self._simulator.describe_store(store))

    def _get_store(self, call: Call) -> Reply:
        store = self._simulator.stores.get(call.names["store"])
        return json_reply(self._simulator.describe_store(store))

    def _list_stores(self, call: Call) -> Reply:
        stores, token = paging.page(self._simulator.stores.table, "", call.head.query)
        rows = [self._simulator.describe_store(store) for store in stores]
        return self._page(call, "fileSearchStores", rows, token)

    def _delete_store(self, call: Call) -> Reply:
        self._simulator.stores.delete(call.names["store"], force=_force(call))
        return json_reply({})

    def _import_file(self, call: Call) -> Reply:
        store = self._simulator.stores.get(call.names["store"])
        check_fields(call.message, "fileName", "customMetadata", "chunkingConfig")
        metadata = parse_metadata(call.message.get("customMetadata"))
        check_chunking(call.message.get("chunkingConfig"))
        file = self._simulator.files.get(str(call.message.get("fileName") or ""))
        if file.state(self._simulator.clock.now()) is not FileState.ACTIVE:
            raise failed_precondition(f"The File {file.name} is not in an ACTIVE state.")
        document, operation = self._simulator.imports.begin(
            store,
            Source(
                name=file.name,
                # Users report that the service uses the file's id here, not its display name.
                display_name=file.name.removeprefix("files/"),
                mime_type=file.mime_type,
                size_bytes=file.size_bytes,
                sha256=file.sha256,
                leading_space=file.display_name[:1].isspace(),
            ),
            metadata,
            self._simulator.import_fault(call.fault),
        )
        self._simulator.contents.copy(file.name, document.name)
        return json_reply(operation.to_json(self._simulator.clock.now()))

    # ------------------------------------------------------------------ documents and the rest

    def _get_document(self, call: Call) -> Reply:
        store = self._simulator.stores.get(call.names["store"])
        document = self._simulator.documents.get(store.name, call.names["id"])
        return json_reply(document.to_json(self._simulator.clock.now()))

    def _list_documents(self, call: Call) -> Reply:
        store = self._simulator.stores.get(call.names["store"])
        now = self._simulator.clock.now()
        table = self._simulator.documents.table
        documents, token = paging.page(table, store.name, call.head.query)
        return self._page(call, "documents", [d.to_json(now) for d in documents], token)

    def _delete_document(self, call: Call) -> Reply:
        store = self._simulator.stores.get(call.names["store"])
        self._simulator.documents.delete(store.name, call.names["id"], force=_force(call))
        return json_reply({})

    def _get_operation(self, call: Call) -> Reply:
        return json_reply(self._simulator.operations.get(call.names["name"]))

    def _download(self, call: Call) -> Reply:
        if call.head.query.get("alt") != "media":
            raise invalid_argument("Media must be requested with alt=media.")
        store = self._simulator.stores.get(call.names["store"])
        document = self._simulator.documents.get(store.name, call.names["id"])
        content = self._simulator.contents.read(document.name)
        if len(content) < document.size_bytes:
            raise not_found("The simulator keeps only the beginning of this document.")
        return Reply(body=content, headers={"Content-Type": document.mime_type})

    def _generate(self, call: Call) -> Reply:
        return json_reply(self._simulator.answers.generate(call.names["name"], call.message))

    def _page(self, call: Call, key: str, rows: list[JsonObject], token: str) -> Reply:
        if call.fault and call.fault.kind is FaultKind.EMPTY_PAGE:
            start = paging.position(call.head.query.get("pageToken") or "")
            return json_reply({"nextPageToken": paging.token(start)})
        message: JsonObject = {key: rows} if rows else {}
        if token:
            message["nextPageToken"] = token
        return json_reply(message)


def _force(call: Call) -> bool:
    # The Python client sends True, others send true.
    return call.head.query.get("force", "").lower() == "true"
