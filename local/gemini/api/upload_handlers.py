"""Handlers of the upload routes: start, chunk, finalize, query and cancel."""

from __future__ import annotations

from collections.abc import Mapping

from local.gemini.api.exchange import UPLOAD_STATUS, Call, Handler, Reply, json_reply
from local.gemini.resources.imports import MAX_DOCUMENT_BYTES, Source
from local.gemini.resources.uploads import Chunk, Upload
from local.gemini.settings import MIB
from local.gemini.simulator import Simulator
from local.gemini.traffic.faults import FaultKind
from local.gemini.wire.errors import check_fields, invalid_argument, taken_meanwhile
from local.gemini.wire.messages import JsonObject
from local.gemini.wire.metadata import check_chunking, parse_metadata
from local.gemini.wire.mime_types import can_be_uploaded
from local.gemini.wire.names import check_display_name, check_id, new_id
from local.gemini.wire.routes import Route

MAX_FILE_BYTES = 2 * 1024 * MIB
CHUNK_GRANULARITY = 8 * MIB


class UploadHandlers:
    """Answers the calls of resumable uploads."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def by_route(self) -> Mapping[Route, Handler]:
        """Return the handler of each route."""
        return {
            Route.FILES_UPLOAD_START: self._start_file_upload,
            Route.STORES_UPLOAD_START: self._start_store_upload,
            Route.UPLOAD_CHUNK: self._take_chunk,
            Route.FILES_UPLOAD_FINALIZE: self._take_chunk,
            Route.STORES_UPLOAD_FINALIZE: self._take_chunk,
            Route.UPLOAD_QUERY: self._query_upload,
            Route.UPLOAD_CANCEL: self._cancel_upload,
        }

    def _start_file_upload(self, call: Call) -> Reply:
        check_fields(call.message, "file")
        message = call.message.get("file") or {}
        check_fields(message, "name", "displayName", "mimeType", "sizeBytes")
        name = message.get("name")
        if name is None or name == "":
            name = f"files/{new_id()}"
        if not isinstance(name, str) or not name.startswith("files/"):
            raise invalid_argument("file.name must be files/ followed by an id.")
        check_id(name.removeprefix("files/"), "File")
        self._simulator.files.check_free(name)
        call.resource = name
        upload = self._upload(call, message, file_name=name)
        if upload.size_bytes > MAX_FILE_BYTES:
            raise invalid_argument(f"A file must have at most {MAX_FILE_BYTES} bytes.")
        return self._started(call, upload)

    def _start_store_upload(self, call: Call) -> Reply:
        store = self._simulator.stores.get(call.names["store"])
        check_fields(call.message, "displayName", "mimeType", "customMetadata", "chunkingConfig")
        check_chunking(call.message.get("chunkingConfig"))
        upload = self._upload(call, call.message, store=store.name)
        if upload.size_bytes > MAX_DOCUMENT_BYTES:
            raise invalid_argument(f"A document must have at most {MAX_DOCUMENT_BYTES} bytes.")
        return self._started(call, upload)

    def _upload(
        self, call: Call, message: JsonObject, *, store: str = "", file_name: str = ""
    ) -> Upload:
        headers = call.head.headers
        mime_type = message.get("mimeType")
        if call.whole:
            length: object = len(call.whole.content)
            mime_type = mime_type or call.whole.mime_type
        else:
            if headers.get("x-goog-upload-command", "").strip() != "start":
                raise invalid_argument("X-Goog-Upload-Command must be start.")
            length = headers.get("x-goog-upload-header-content-length", message.get("sizeBytes"))
            mime_type = mime_type or headers.get("x-goog-upload-header-content-type")
        if not str(length).isdecimal():
            raise invalid_argument("The length of the upload must be declared.")
        return Upload(
            name=new_id(),
            created_at=self._simulator.clock.now(),
            store=store,
            file_name=file_name,
            display_name=check_display_name(message.get("displayName")),
            mime_type=str(mime_type or "application/octet-stream"),
            size_bytes=int(str(length)),
            metadata=parse_metadata(message.get("customMetadata")),
        )

    def _started(self, call: Call, upload: Upload) -> Reply:
        self._simulator.uploads.add(upload)
        if call.whole:
            return self._received(call, upload.name, Chunk(0, call.whole.content, finalize=True))
        head = call.head
        url = f"{head.base_url}{head.path}?upload_id={upload.name}&upload_protocol=resumable"
        headers = {
            UPLOAD_STATUS: "active",
            "X-Goog-Upload-URL": url,
            "X-Goog-Upload-Control-URL": url,
            "X-Goog-Upload-Chunk-Granularity": str(CHUNK_GRANULARITY),
            "X-GUploader-UploadID": upload.name,
        }
        return Reply(headers=headers)

    def _take_chunk(self, call: Call) -> Reply:
        words = {w.strip() for w in call.head.headers.get("x-goog-upload-command", "").split(",")}
        if not words <= {"upload", "finalize"} or "" in words:
            raise invalid_argument("X-Goog-Upload-Command must be upload and/or finalize.")
        offset = call.head.headers.get("x-goog-upload-offset", "")
        chunk = Chunk(
            offset=int(offset) if offset.isdecimal() else None,
            data=call.body,
            finalize="finalize" in words,
        )

        return self._received(call, call.names["upload_id"], chunk)

    def _received(self, call: Call, upload_id: str, chunk: Chunk) -> Reply:
        def finish(upload: Upload, sha256: str, head: bytes) -> JsonObject:
            if upload.store:
                return self._finish_store_upload(call, upload, sha256, head)
            return self._finish_file_upload(call, upload, sha256, head)

        message = self._simulator.uploads.receive(upload_id, chunk, finish)
        reply = Reply() if message is None else json_reply(message)
        reply.headers[UPLOAD_STATUS] = "active" if message is None else "final"
        return reply

    def _finish_file_upload(
        self, call: Call, upload: Upload, sha256: str, head: bytes
    ) -> JsonObject:
        if not can_be_uploaded(upload.mime_type):
            raise invalid_argument(f"Unsupported MIME type: {upload.mime_type}")
        if self._simulator.files.find(upload.file_name):
            raise taken_meanwhile(upload.file_name)
        file = self._simulator.files.add(
            name=upload.file_name,
            display_name=upload.display_name,
            mime_type=upload.mime_type,
            size_bytes=upload.size_bytes,
            sha256=sha256,
            failed=bool(call.fault and call.fault.kind is FaultKind.FILE_FAILED),
        )
        self._simulator.contents.put(file.name, head)
        return {"file": file.to_json(self._simulator.clock.now(), call.head.base_url)}

    def _finish_store_upload(
        self, call: Call, upload: Upload, sha256: str, head: bytes
    ) -> JsonObject:
        document, operation = self._simulator.imports.begin(
            self._simulator.stores.get(upload.store),
            Source(
                name="",
                display_name=upload.display_name,
                mime_type=upload.mime_type,
                size_bytes=upload.size_bytes,
                sha256=sha256,
                leading_space=upload.display_name[:1].isspace(),
            ),
            upload.metadata,
            self._simulator.import_fault(call.fault),
        )
        call.resource = document.name
        self._simulator.contents.put(document.name, head)
        # Users report that the real service includes the response before the operation is done.
        return {"name": operation.name, "response": operation.response}

    def _query_upload(self, call: Call) -> Reply:
        upload = self._simulator.uploads.get(call.names["upload_id"])
        status = "active" if upload.reply is None else "final"
        received = str(upload.received)
        return Reply(headers={UPLOAD_STATUS: status, "X-Goog-Upload-Size-Received": received})

    def _cancel_upload(self, call: Call) -> Reply:
        self._simulator.uploads.cancel(call.names["upload_id"])
        return Reply(headers={UPLOAD_STATUS: "cancelled"})
