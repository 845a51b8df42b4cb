"""The calls that concern buckets, and the admin path that tells who may use one."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aiohttp import web

from local.cloud_storage.api.call import Call, Route
from local.cloud_storage.objects.access import Access
from local.cloud_storage.objects.listing import Wanted, page
from local.cloud_storage.objects.names import bucket_name
from local.cloud_storage.objects.preconditions import check
from local.cloud_storage.objects.stored_object import Json, encoded, now
from local.cloud_storage.refusals import Refused
from local.cloud_storage.storage.state_folder import StateFolder

ADMIN = "/admin/"

_FIXED = frozenset(
    {"kind", "id", "selfLink", "name", "etag", "generation", "metageneration", "projectNumber"}
    | {"timeCreated", "updated"}
)
_DEFAULTS = {"location": "US", "locationType": "multi-region", "storageClass": "STANDARD"}


class Buckets:
    """Handlers of buckets.

    Args:
        state: Keeps them.

    Attributes:
        access: Who may use which bucket; for all others, nothing is refused.
    """

    def __init__(self, state: StateFolder) -> None:
        self._state = state
        self.access: dict[str, Access] = {}

    def routes(self) -> list[Route]:
        """The paths."""
        one = "/storage/v1/b/([^/]+)"
        return [
            Route("POST", "/storage/v1/b", self._create),
            Route("GET", "/storage/v1/b", self._list),
            Route("GET", one, self._get),
            Route("PATCH", one, self._change),
            Route("PUT", one, self._change),
            Route("DELETE", one, self._delete),
            Route("PUT", f"{ADMIN}buckets/([^/]+)/access", self._set_access),
        ]

    def used(self, call: Call, name: str) -> Access:
        """Check that a call may use a bucket, and return what is refused in it.

        Raises:
            Refused: 404: There is no such bucket. 400 or 403: Nobody pays for the call.
        """
        access = self.access.get(name, Access())
        access.check_payer(self._state.bucket(name), call.query.get("userProject"))
        return access

    async def _create(self, call: Call) -> web.Response:
        described = await call.json()
        name = bucket_name(described.get("name"))
        with self._state.index.commit():
            if self._state.index.bucket(name) is not None:
                message = "Your previous request to create the named bucket succeeded and you "
                raise Refused(HTTPStatus.CONFLICT, "conflict", f"{message}already own it.")
            created: Json = {
                "kind": "storage#bucket",
                "id": name,
                "name": name,
                "generation": str(self._state.index.new_generation()),
                "projectNumber": "0",
                "timeCreated": now(),
                **_DEFAULTS,
            }
            stored = _changed(created | {"metageneration": "0"}, described)
            self._state.index.put_bucket(stored)
        return call.reply(_resource(call, stored))

    async def _list(self, call: Call) -> web.Response:
        found = page(Wanted.of(call.query), self._state.index.buckets)
        items = [_resource(call, each) for each in found.items]
        more = {"nextPageToken": found.next_token} if found.next_token else {}
        return call.reply({"kind": "storage#buckets", "items": items, **more})

    async def _get(self, call: Call) -> web.Response:
        stored = self._state.bucket(call.names[0])
        check(call.query, _version(stored), reading=True)
        return call.reply(_resource(call, stored))

    async def _change(self, call: Call) -> web.Response:
        change = await call.json()
        with self._state.index.commit():
            stored = self._state.bucket(call.names[0])
            check(call.query, _version(stored))
            if call.request.method == "PUT":
                stored = {k: v for k, v in stored.items() if k in _FIXED} | _DEFAULTS
            stored = _changed(stored, change)
            self._state.index.put_bucket(stored)
        return call.reply(_resource(call, stored))

    async def _delete(self, call: Call) -> web.Response:
        name = call.names[0]
        check(call.query, _version(self._state.bucket(name)))
        if next(self._state.index.objects(name, b"", None), None) is not None:
            message = "The bucket you tried to delete is not empty."
            raise Refused(HTTPStatus.CONFLICT, "conflict", message)
        with self._state.index.commit():
            self._state.index.delete_bucket(name)
        self.access.pop(name, None)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _set_access(self, call: Call) -> web.Response:
        described = await call.json()
        self._state.bucket(call.names[0])
        self.access[call.names[0]] = Access.from_json(described)
        return web.json_response({})


def _changed(stored: Json, change: Json) -> Json:
    """A bucket with other fields; null removes one."""
    changed = stored | {name: value for name, value in change.items() if name not in _FIXED}
    changed = {name: value for name, value in changed.items() if value is not None}
    count = int(stored["metageneration"]) + 1
    return changed | {"metageneration": str(count), "updated": now()}


def _version(stored: Json) -> tuple[int, int]:
    return int(stored["generation"]), int(stored["metageneration"])


def _resource(call: Call, stored: Json) -> dict[str, Any]:
    link = f"{call.base}/storage/v1/b/{stored['name']}"
    return stored | {"selfLink": link, "etag": encoded(stored["metageneration"].encode())}
