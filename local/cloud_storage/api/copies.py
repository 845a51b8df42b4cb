"""The calls that make an object of others: rewrite, copy, compose."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from local.cloud_storage.api.buckets import Buckets
from local.cloud_storage.api.call import Call, Route
from local.cloud_storage.api.objects import ONE, found
from local.cloud_storage.api.writing import check_conditions, content_of, write
from local.cloud_storage.objects.new_object import NewObject
from local.cloud_storage.objects.preconditions import check, number
from local.cloud_storage.objects.stored_object import SETTABLE, Json, StoredObject
from local.cloud_storage.refusals import invalid
from local.cloud_storage.storage.state_folder import StateFolder

if TYPE_CHECKING:
    from aiohttp import web

MOST_SOURCES = 32
"""https://cloud.google.com/storage/docs/composite-objects"""

_SOURCE_KEY = "X-Goog-Copy-Source-Encryption-Key-Sha256"


class Copies:
    """Handlers of copies.

    Args:
        state: Keeps the objects.
        buckets: Know who may read.
    """

    def __init__(self, state: StateFolder, buckets: Buckets) -> None:
        self._state = state
        self._buckets = buckets

    def routes(self) -> list[Route]:
        """The paths."""
        to = "/b/([^/]+)/o/([^/]+)"
        return [
            Route("POST", f"{ONE}/rewriteTo{to}", self._rewrite),
            Route("POST", f"{ONE}/copyTo{to}", self._copy),
            Route("POST", f"{ONE}/compose", self._compose),
        ]

    async def _rewrite(self, call: Call) -> web.Response:
        written = await self._copied(call)
        return call.reply(
            {
                "kind": "storage#rewriteResponse",
                "totalBytesRewritten": str(written.size),
                "objectSize": str(written.size),
                "done": True,
                "resource": written.resource(call.base),
            }
        )

    async def _copy(self, call: Call) -> web.Response:
        written = await self._copied(call)
        return call.reply(written.resource(call.base))

    async def _copied(self, call: Call) -> StoredObject:
        described = await call.json()
        source_bucket, source_name, bucket, name = call.names
        access = self._buckets.used(call, source_bucket)
        self._buckets.used(call, bucket)
        generation = number(call.query, "sourceGeneration")
        source = found(self._state, source_bucket, source_name, generation)
        check(call.query, source.version, source=True)
        access.check_read(source, call.request.headers.get(_SOURCE_KEY))
        if not any(field in described for field in SETTABLE):  # else they replace the source's
            described = {each: source.facts[each] for each in SETTABLE if each in source.facts}
        kms_key = call.query.get("destinationKmsKeyName")
        query = dict(call.query) | ({"kmsKeyName": kms_key} if kms_key else {})
        count = source.facts.get("componentCount")
        return await self._written(
            NewObject(bucket, name, described, query, call.key_sha256, count), [source]
        )

    async def _compose(self, call: Call) -> web.Response:
        body = await call.json()
        bucket, name = call.names
        access = self._buckets.used(call, bucket)
        sources = [self._source(bucket, each) for each in _sources(body)]
        for source in sources:
            access.check_read(source, call.key_sha256)
        count = sum(source.facts.get("componentCount", 1) for source in sources)
        described = _described(body, "destination")
        new = NewObject(bucket, name, described, call.query, call.key_sha256, count)
        written = await self._written(new, sources)
        return call.reply(written.resource(call.base))

    def _source(self, bucket: str, described: Json) -> StoredObject:
        generation = number(_parameters(described), "generation")
        source = found(self._state, bucket, str(described.get("name")), generation)
        check(_parameters(_described(described, "objectPreconditions")), source.version)
        return source

    async def _written(self, new: NewObject, sources: list[StoredObject]) -> StoredObject:
        check_conditions(self._state, new)
        draft = self._state.draft()
        try:
            with ExitStack() as opened:
                files = [opened.enter_context(self._state.open(each)) for each in sources]
                await draft.append(content_of(files))
            return write(self._state, new, draft)
        finally:
            draft.discard()


def _sources(body: Json) -> list[Json]:
    sources = body.get("sourceObjects")
    if not isinstance(sources, list) or not all(isinstance(each, dict) for each in sources):
        raise invalid("sourceObjects must be a list of objects")
    if not 0 < len(sources) <= MOST_SOURCES:
        raise invalid(f"The number of source components is {len(sources)}, not 1 to {MOST_SOURCES}")
    return sources


def _described(body: Json, field: str) -> Json:
    value = body.get(field) or {}
    if not isinstance(value, dict):
        raise invalid(f"{field} must be an object")
    return value


def _parameters(described: Json) -> dict[str, str]:
    """Fields of a description, as if they were parameters."""
    return {name: str(value) for name, value in described.items() if value is not None}
