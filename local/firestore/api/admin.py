"""The admin HTTP server: health, faults and their counts, documents to delete at once."""

from __future__ import annotations

from aiohttp import web

from local.firestore.api.databases import Databases
from local.firestore.api.faults import FaultSwitch
from local.grpc_server.fault_routes import FaultRoutes


class Admin:
    """Handlers of the admin paths.

    Args:
        databases: Their expired documents can be deleted.
        faults: The faults changed by POST /faults, and counted by GET /stats.
    """

    def __init__(self, databases: Databases, faults: FaultSwitch) -> None:
        self._databases = databases
        self._faults = faults

    def application(self) -> web.Application:
        """Return an aiohttp application with all paths."""
        application = web.Application()
        application.add_routes(
            [
                *FaultRoutes(self._faults).routes(),
                web.get("/stats", self._stats),
                web.post("/expire", self._expire),
            ]
        )
        return application

    async def _stats(self, _: web.Request) -> web.Response:
        faults = {code.value: count for code, count in self._faults.injected.items()}
        return web.json_response({"faults": faults})

    async def _expire(self, _: web.Request) -> web.Response:
        deleted = 0
        while found := self._databases.delete_expired(0.0):
            deleted += found
        return web.json_response({"deleted": deleted})
