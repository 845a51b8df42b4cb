"""The admin HTTP server: queues, deliveries, faults, and the keys of the OIDC tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from aiohttp import web

from local.cloud_tasks.broker.broker import Broker
from local.cloud_tasks.delivery.dispatch_log import DispatchLog
from local.cloud_tasks.delivery.identity import Identity
from local.cloud_tasks.queue.faults import FaultSwitch
from local.cloud_tasks.queue.queue import Queue
from local.grpc_server.fault_routes import FaultRoutes


class Admin:
    """Handlers of the admin paths.

    Args:
        broker: Its queues are shown by /queues.
        dispatches: The deliveries shown by /dispatches.
        faults: The faults changed by POST /faults.
        identity: Its keys are shown by /jwks.json.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        broker: Broker,
        dispatches: DispatchLog,
        faults: FaultSwitch,
        identity: Identity,
        clock: Callable[[], float],
    ) -> None:
        self._broker = broker
        self._dispatches = dispatches
        self._faults = faults
        self._identity = identity
        self._clock = clock

    def application(self) -> web.Application:
        """Return an aiohttp application with all paths."""
        application = web.Application()
        application.add_routes(
            [
                *FaultRoutes(self._faults).routes(),
                web.get("/queues", self._queues),
                web.get("/dispatches", self._show_dispatches),
                web.get("/jwks.json", self._jwks),
            ]
        )
        return application

    async def _queues(self, _: web.Request) -> web.Response:
        queues = sorted(self._broker.queues.items())
        return web.json_response({"queues": [self._summary(queue) for _, queue in queues]})

    async def _show_dispatches(self, request: web.Request) -> web.Response:
        return web.json_response({"dispatches": self._dispatches.of(request.query.get("queue"))})

    async def _jwks(self, _: web.Request) -> web.Response:
        return web.json_response(self._identity.jwks)

    def _summary(self, queue: Queue) -> dict[str, object]:
        limits = queue.message.rate_limits
        return {
            "name": queue.name,
            "rate": queue.rate,
            "effective_rate": queue.effective_rate(self._clock()),
            "burst": limits.max_burst_size,
            "max_concurrent_dispatches": limits.max_concurrent_dispatches,
            "paused": queue.paused,
            "depth": len(queue.tasks),
            "in_flight": queue.in_flight,
            **asdict(queue.counters),
        }
