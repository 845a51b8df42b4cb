"""Serves gRPC and HTTP on the loopback interface, until a signal."""

from __future__ import annotations

import asyncio
import errno
import json
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import grpc
from aiohttp import web

from local.web_guard.aiohttp_guard import guard

if TYPE_CHECKING:
    from google.protobuf.message import Message

HOST = "127.0.0.1"


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


def addresses(grpc_port: int, admin_port: int) -> Addresses:
    """The addresses of a server that listens on these ports."""
    return Addresses(f"{HOST}:{grpc_port}", f"http://{HOST}:{admin_port}")


async def serve_http(stack: AsyncExitStack, application: web.Application, port: int) -> int:
    """Serve admin paths until the stack is closed; returns the port, also if 0 was given.

    Raises:
        PortTaken: The port is in use.
    """
    application.middlewares.append(guard(lambda _: True))
    listener = stack.enter_context(_listen(port))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, listener).start()
    bound: int = listener.getsockname()[1]
    return bound


async def serve_grpc(
    stack: AsyncExitStack,
    handlers: Sequence[grpc.GenericRpcHandler[Message, Message]],
    port: int,
    **options: int,
) -> int:
    """Serve an API until the stack is closed; returns the port, also if 0 was given.

    Args:
        stack: Stops the server when it is closed.
        handlers: The handlers of the API.
        port: The port; 0 takes a free one.
        options: gRPC channel arguments, without their ``grpc.``.

    Raises:
        PortTaken: The port is in use.
    """
    given = {"so_reuseport": 0, **options}
    server = grpc.aio.server(options=[(f"grpc.{name}", value) for name, value in given.items()])
    server.add_generic_rpc_handlers(tuple(handlers))
    try:
        bound = server.add_insecure_port(f"{HOST}:{port}")
    except RuntimeError as error:
        raise PortTaken(f"port {port} on {HOST} is in use") from error
    await server.start()
    stack.push_async_callback(server.stop, None)
    return bound


async def until_stopped(
    serving: AbstractAsyncContextManager[Addresses], on_ready: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        serving: The running server.
        on_ready: Gets one line of JSON, ``{"grpc": "127.0.0.1:P", "admin": "http://..."}``.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving as ready:
        on_ready(json.dumps(asdict(ready)))
        await stop.wait()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} on {HOST} is in use") from error
        raise
