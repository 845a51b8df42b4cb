"""The admin paths that every server has: its health and its faults."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Generic, Protocol, TypeVar

from aiohttp import web

from local.grpc_server.fault_values import FaultValues

F = TypeVar("F", bound=FaultValues)


class FaultSwitch(Protocol[F]):
    """The faults in force, which may change while the server runs."""

    faults: F


class FaultRoutes(Generic[F]):
    """GET /healthz, and GET and POST /faults.

    Args:
        switch: The faults shown and changed.
    """

    def __init__(self, switch: FaultSwitch[F]) -> None:
        self._switch = switch

    def routes(self) -> Sequence[web.RouteDef]:
        return [
            web.get("/healthz", self._healthz),
            web.get("/faults", self._show),
            web.post("/faults", self._change),
        ]

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _show(self, _: web.Request) -> web.Response:
        return web.json_response(asdict(self._switch.faults))

    async def _change(self, request: web.Request) -> web.Response:
        try:
            self._switch.faults = self._switch.faults.updated(json.loads(await request.read()))
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return await self._show(request)
