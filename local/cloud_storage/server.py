"""Runs the whole server: the guard, the relay, and fake-gcs-server behind them."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import aiohttp
from aiohttp import web

from local.cloud_storage.certificate import new_certificate
from local.cloud_storage.program import running
from local.cloud_storage.relay import LINE_BYTES, Relay
from local.processes.ports import HOST, free_ports, loopback
from local.web_guard.aiohttp_guard import guard

ADMIN = "/_internal/"
SHUTDOWN_S = 1.0

_HEALTH = f"{ADMIN}healthcheck"
_LOOK_AGAIN = 0.02


class Ended(Exception):
    """fake-gcs-server has ended by itself; its log says why."""


class Server:
    """A running server, and its URL."""

    def __init__(self, url: str, program: Process) -> None:
        self.url = url
        self._program = program

    async def until(self, stopped: asyncio.Event) -> None:
        """Return when `stopped` is set.

        Raises:
            Ended: See there.
        """
        waits = [asyncio.create_task(stopped.wait()), asyncio.create_task(self._program.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        if not stopped.is_set():
            raise Ended(f"fake-gcs-server has ended with status {self._program.returncode}")


@asynccontextmanager
async def serving(port: int, folder: Path | None) -> AsyncIterator[Server]:
    """Serve for the duration of the context, which begins when the server answers.

    Args:
        port: The port to listen on; 0 takes a free one.
        folder: The folder that keeps the objects; None keeps them in memory.

    Raises:
        OSError: The port is in use.
        NoProgram: There is no fake-gcs-server for this machine.
        Ended: fake-gcs-server could not start.
    """
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(socket.create_server((HOST, port)))
        public = loopback(listener.getsockname()[1])
        certificate, (hidden_port,) = new_certificate(HOST), free_ports(1)
        program = await stack.enter_async_context(
            running(
                host=HOST, port=hidden_port, public=public, folder=folder, certificate=certificate
            )
        )
        relay = Relay(f"https://{loopback(hidden_port)}", certificate.fingerprint)
        stack.push_async_callback(relay.close)
        application = web.Application(middlewares=[guard(lambda path: path.startswith(ADMIN))])
        application.router.add_route("*", "/{path:.*}", relay.handle)
        runner = web.AppRunner(
            application,
            access_log=None,
            auto_decompress=False,
            max_field_size=LINE_BYTES,
            max_line_size=LINE_BYTES,
            shutdown_timeout=SHUTDOWN_S,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener).start()
        server = Server(f"http://{public}", program)
        await _ready(server, program)
        yield server


async def _ready(server: Server, program: Process) -> None:
    async with aiohttp.ClientSession() as session:
        while program.returncode is None:
            with suppress(aiohttp.ClientError):
                async with session.get(f"{server.url}{_HEALTH}") as answer:
                    if answer.status == HTTPStatus.OK:
                        return
            await asyncio.sleep(_LOOK_AGAIN)
    raise Ended(f"fake-gcs-server has ended with status {program.returncode}")
