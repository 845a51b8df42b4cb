"""The calls that concern objects without their content: list, get, change, delete."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web

from local.cloud_storage.api.buckets import Buckets
from local.cloud_storage.api.call import Call, Route
from local.cloud_storage.objects.listing import Wanted, page
from local.cloud_storage.objects.names import object_name
from local.cloud_storage.objects.preconditions import check, number
from local.cloud_storage.objects.stored_object import Json, StoredObject
from local.cloud_storage.refusals import not_found
from local.cloud_storage.storage.state_folder import StateFolder

ONE = "/storage/v1/b/([^/]+)/o/([^/]+)"


class Objects:
    """Handlers of objects.

    Args:
        state: Keeps them.
        buckets: Know who may use which bucket.
    """

    def __init__(self, state: StateFolder, buckets: Buckets) -> None:
        self._state = state
        self._buckets = buckets

    def routes(self) -> list[Route]:
        """The paths."""
        return [
            Route("GET", "/storage/v1/b/([^/]+)/o", self._list),
            Route("PATCH", ONE, self._change),
            Route("PUT", ONE, self._change),
            Route("DELETE", ONE, self._delete),
        ]

    def live(self, call: Call) -> StoredObject:
        """The object that a call names.

        Raises:
            Refused: 404: There is none, or not of the generation that is asked for.
        """
        bucket, name = call.names[:2]
        self._buckets.used(call, bucket)
        return found(self._state, bucket, name, number(call.query, "generation"))

    async def _list(self, call: Call) -> web.Response:
        bucket = call.names[0]
        self._buckets.used(call, bucket)
        listed = page(
            Wanted.of(call.query),
            lambda start, end: self._state.index.objects(bucket, start, end),
        )
        reply: Json = {"kind": "storage#objects"}
        if listed.next_token:
            reply["nextPageToken"] = listed.next_token
        if listed.prefixes:
            reply["prefixes"] = listed.prefixes
        if listed.items:
            reply["items"] = [each.resource(call.base, listed=True) for each in listed.items]
        return call.reply(reply)

    async def get(self, call: Call) -> web.Response:
        """Answer with an object's resource."""
        stored = self.live(call)
        check(call.query, stored.version, reading=True)
        return call.reply(stored.resource(call.base))

    async def _change(self, call: Call) -> web.Response:
        change = await call.json()
        stored = self.live(call)
        check(call.query, stored.version)
        changed = stored.changed(change, whole=call.request.method == "PUT")
        with self._state.index.commit():
            self._state.index.put(changed)
        return call.reply(changed.resource(call.base))

    async def _delete(self, call: Call) -> web.Response:
        stored = self.live(call)
        check(call.query, stored.version)
        self._state.delete(stored)
        return web.Response(status=HTTPStatus.NO_CONTENT)


def found(
    state: StateFolder, bucket: str, name: str, generation: int | None = None
) -> StoredObject:
    """The live object of this name.

    Raises:
        Refused: 404: There is none, or of another generation.
    """
    stored = state.index.object(bucket, object_name(name))
    if stored is None or generation not in (None, stored.generation):
        raise not_found(f"No such object: {bucket}/{name}")
    return stored
