"""The admin HTTP server: health, faults, documents to delete at once."""

from __future__ import annotations

import json
from dataclasses import asdict

from aiohttp import web

from local.firestore.api.databases import Databases
from local.firestore.api.faults import FaultSwitch


class Admin:
    """Handlers of the admin paths.

    Args:
        databases: Their expired documents can be deleted.
        faults: The faults changed by POST /faults.
    """

    def __init__(self, databases: Databases, faults: FaultSwitch) -> None:
        self._databases = databases
        self._faults = faults

    def application(self) -> web.Application:
        """Return an aiohttp application with all paths."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/faults", self._show_faults),
                web.post("/faults", self._change_faults),
                web.post("/expire", self._expire),
            ]
        )
        return application

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _show_faults(self, _: web.Request) -> web.Response:
        return web.json_response(asdict(self._faults.faults))

    async def _change_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.faults = self._faults.faults.updated(json.loads(await request.read()))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return await self._show_faults(request)

    async def _expire(self, _: web.Request) -> web.Response:
        deleted = 0
        while found := self._databases.delete_expired(0.0):
            deleted += found
        return web.json_response({"deleted": deleted})
