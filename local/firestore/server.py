"""Runs a whole server: the gRPC API, the admin HTTP server, the state file."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
from aiohttp import web

from local.firestore.api.admin import Admin
from local.firestore.api.databases import Databases
from local.firestore.api.faults import FaultSwitch
from local.firestore.api.service import FirestoreService
from local.firestore.engine.database import wall_clock
from local.firestore.query.document import Micros
from local.firestore.settings import Settings
from local.firestore.storage.state_file import StateFile

HOST = "127.0.0.1"
SWEEP_INTERVAL = 60.0
"""Seconds between deletions of expired documents."""

_LARGEST_MESSAGE = 64 * 1024 * 1024
"""Beyond the largest request, so that the service can say what is wrong with it."""


class PortTaken(Exception):
    """The port is in use."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of a running server.

    Attributes:
        grpc: ``host:port`` of the API, the form that FIRESTORE_EMULATOR_HOST takes.
        admin: Base URL of the admin server.
    """

    grpc: str
    admin: str


@asynccontextmanager
async def serving(
    settings: Settings, clock: Callable[[], Micros] = wall_clock
) -> AsyncIterator[Addresses]:
    """Run a server on the loopback interface for the duration of the context.

    Raises:
        PortTaken: A port is in use.
        StateError: The state file can't be used.
    """
    async with AsyncExitStack() as stack:
        file = StateFile(settings.state, settings.indexes)
        stack.callback(file.close)
        databases = Databases(file, settings.indexes, clock)
        faults = FaultSwitch(settings.faults)
        admin = Admin(databases, faults)
        admin_port = await _serve_admin(stack, admin.application(), settings.admin_port)
        grpc_port = await _serve_grpc(stack, FirestoreService(databases, faults), settings.port)
        sweeper = asyncio.create_task(_sweep(databases, settings.expiry_delay))
        stack.callback(sweeper.cancel)
        yield Addresses(f"{HOST}:{grpc_port}", f"http://{HOST}:{admin_port}")


async def _serve_admin(stack: AsyncExitStack, application: web.Application, port: int) -> int:
    listener = stack.enter_context(_listen(port))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()
    bound: int = listener.getsockname()[1]
    return bound


async def _serve_grpc(stack: AsyncExitStack, service: FirestoreService, port: int) -> int:
    server = grpc.aio.server(
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
            ("grpc.max_send_message_length", -1),
        ]
    )
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


async def _sweep(databases: Databases, delay: float) -> None:
    deleted = 0
    while True:
        await asyncio.sleep(0 if deleted else SWEEP_INTERVAL)  # others have their turn in between
        deleted = databases.delete_expired(delay)
