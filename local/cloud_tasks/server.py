"""Runs a whole server: the gRPC API, the admin HTTP server, the dispatcher, the state file."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
from aiohttp import web

from local.cloud_tasks.api.admin import Admin
from local.cloud_tasks.api.service import CloudTasksService
from local.cloud_tasks.broker.broker import Broker
from local.cloud_tasks.broker.dispatcher import Dispatcher
from local.cloud_tasks.broker.store import Store
from local.cloud_tasks.delivery.dispatch_log import DispatchLog
from local.cloud_tasks.delivery.identity import Identity
from local.cloud_tasks.delivery.sender import Sender
from local.cloud_tasks.queue.faults import FaultSwitch
from local.cloud_tasks.settings import Settings

HOST = "127.0.0.1"
SWEEP_INTERVAL = 60.0
"""Seconds between deletions of expired tombstones and tasks."""


class PortTaken(Exception):
    """The port is in use."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a running server.

    Attributes:
        grpc: `host:port` of the API.
        admin: Base URL of the admin server.
    """

    grpc: str
    admin: str


@asynccontextmanager
async def serving(
    settings: Settings, clock: Callable[[], float] = time.time
) -> AsyncIterator[Addresses]:
    """Run a server on the loopback interface for the duration of the context.

    Raises:
        PortTaken: A port is in use.
        StateError: The state file can't be used.
    """
    async with AsyncExitStack() as stack:
        store = Store(settings.state)
        stack.callback(store.close)
        faults = FaultSwitch(settings.faults)
        dispatches = DispatchLog()
        identity = Identity(settings.issuer)
        broker = Broker(settings, store, faults, clock)
        sender = Sender(clock)
        stack.push_async_callback(sender.close)
        dispatcher = Dispatcher(broker, sender, identity, faults, dispatches, clock)
        admin = Admin(broker, dispatches, faults, identity, clock)
        admin_port = await _serve_admin(stack, admin.application(), settings.admin_port)
        service = CloudTasksService(broker, dispatcher, clock)
        grpc_port = await _serve_grpc(stack, service, settings.port)
        stack.push_async_callback(dispatcher.stop, settings.grace)
        sweeper = asyncio.create_task(_sweep(broker))
        stack.callback(sweeper.cancel)
        dispatcher.start()
        yield Addresses(f"{HOST}:{grpc_port}", f"http://{HOST}:{admin_port}")


async def _serve_admin(stack: AsyncExitStack, application: web.Application, port: int) -> int:
    listener = stack.enter_context(_listen(port))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()
    return _port_of(listener)


async def _serve_grpc(stack: AsyncExitStack, service: CloudTasksService, port: int) -> int:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(tuple(service.handlers()))
    try:
        bound = server.add_insecure_port(f"{HOST}:{port}")
    except RuntimeError as error:
        raise PortTaken(f"port {port} on {HOST} is in use") from error
    await server.start()
    stack.push_async_callback(server.stop, None)
    return bound


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} on {HOST} is in use") from error
        raise


def _port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


async def _sweep(broker: Broker) -> None:
    while True:
        await asyncio.sleep(SWEEP_INTERVAL)
        broker.sweep()
