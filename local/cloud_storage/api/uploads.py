"""The content of objects on its way in: in one request, or in several."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from local.cloud_storage.api.buckets import Buckets
from local.cloud_storage.api.call import Call, Route, parsed
from local.cloud_storage.api.multipart import Multipart
from local.cloud_storage.api.writing import check_conditions, write
from local.cloud_storage.objects.new_object import NewObject
from local.cloud_storage.objects.ranges import sent_range
from local.cloud_storage.objects.stored_object import StoredObject
from local.cloud_storage.refusals import invalid, not_found
from local.cloud_storage.storage.content import Draft
from local.cloud_storage.storage.state_folder import StateFolder

_BINARY = "application/octet-stream"
_CANCELLED = 499
"""https://cloud.google.com/storage/docs/performing-resumable-uploads#cancel-upload"""


@dataclass(slots=True)
class _Session:
    """A resumable upload.

    Attributes:
        written: The object; None until it is complete.
    """

    new: NewObject
    draft: Draft
    written: StoredObject | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Uploads:
    """Handlers of uploads.

    Args:
        state: Keeps the objects.
        buckets: Know who may use which bucket.
    """

    def __init__(self, state: StateFolder, buckets: Buckets) -> None:
        self._state = state
        self._buckets = buckets
        self._sessions: dict[str, _Session] = {}

    def routes(self) -> list[Route]:
        """The paths; some clients begin resumable uploads elsewhere."""
        path = "(?:/resumable)?/upload/storage/v1/b/([^/]+)/o"
        return [
            Route("POST", path, self._insert),
            Route("PUT", path, self._continue),
            Route("DELETE", path, self._cancel),
        ]

    async def _insert(self, call: Call) -> web.Response:
        self._buckets.used(call, call.names[0])
        kind = call.query.get("uploadType")
        if kind == "resumable":
            return await self._begin(call)
        if kind not in {"media", "multipart"}:
            raise invalid(f"Invalid upload type: {kind}")
        media_type = call.request.headers.get("Content-Type", _BINARY)
        described, chunks = {}, call.chunks()
        if kind == "multipart":
            parts = Multipart(media_type, chunks)
            described = parsed(await parts.description())
            media_type = await parts.media_type() or _BINARY
            chunks = parts.content()
        new = self._new(call, described, media_type)
        draft = self._state.draft()
        try:
            await draft.append(chunks)
            stored = write(self._state, new, draft)
        finally:
            draft.discard()
        return call.reply(stored.resource(call.base))

    def _new(self, call: Call, described: dict[str, object], media_type: str) -> NewObject:
        new = NewObject.of(
            call.names[0],
            described,
            call.query,
            media_type=media_type,
            key_sha256=call.key_sha256,
        )
        check_conditions(self._state, new)
        return new

    # --- resumable uploads ----------------------------------------------------------------

    async def _begin(self, call: Call) -> web.Response:
        described = await call.json()
        media_type = call.request.headers.get("X-Upload-Content-Type", _BINARY)
        new = self._new(call, described, media_type)
        session = secrets.token_urlsafe(24)
        self._sessions[session] = _Session(new, self._state.draft())
        path = f"/upload/storage/v1/b/{new.bucket}/o?uploadType=resumable&upload_id={session}"
        return web.Response(headers={"Location": call.base + path, "X-GUploader-UploadID": session})

    async def _continue(self, call: Call) -> web.Response:
        session = self._session(call)
        sent = sent_range(call.request.headers.get("Content-Range"))
        async with session.lock:  # a client may repeat a request that is still under way
            if session.written is None:
                draft = session.draft
                if sent.start is not None:
                    if sent.start > draft.size:
                        raise invalid(f"The upload has {draft.size} bytes so far.")
                    await draft.append(call.chunks(), skip=draft.size - sent.start)
                whole = sent.start is not None and sent.end is None
                if sent.total is not None and draft.size > sent.total:
                    raise invalid(f"The upload has {draft.size} bytes, not {sent.total}.")
                if not whole and draft.size != sent.total:
                    return _incomplete(draft)
                session.written = write(self._state, session.new, draft)
        return call.reply(session.written.resource(call.base))

    async def _cancel(self, call: Call) -> web.Response:
        session = self._session(call)
        async with session.lock:
            session.draft.discard()
            self._sessions.pop(call.query["upload_id"], None)
        return web.Response(status=_CANCELLED)

    def _session(self, call: Call) -> _Session:
        session = self._sessions.get(call.query.get("upload_id", ""))
        if session is None or session.new.bucket != call.names[0]:
            raise not_found("No such upload")
        return session


def _incomplete(draft: Draft) -> web.Response:
    received = {"Range": f"bytes=0-{draft.size - 1}"} if draft.size else {}
    return web.Response(status=HTTPStatus.PERMANENT_REDIRECT, headers=received)
