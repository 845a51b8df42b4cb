"""The HTTP/1.1 server on loopback: one thread, headers and body sent in one write."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from local.gemini.api.admin import PREFIX, Admin
from local.gemini.api.api import Api
from local.gemini.api.exchange import Head, Reply, json_reply
from local.gemini.settings import MIB
from local.gemini.simulator import Simulator
from local.gemini.wire.errors import invalid_argument
from local.web_guard.aiohttp_guard import guard

HOST = "127.0.0.1"
MAX_BODY_BYTES = 128 * MIB
SHUTDOWN_S = 1.0
# Bytes read before a connection is reset, so that the client is still sending.
READ_BEFORE_RESET = 1024


class Server:
    """Serves a simulator on a port."""

    def __init__(self, simulator: Simulator) -> None:
        self._api = Api(simulator)
        self._admin = Admin(simulator)
        app = web.Application(
            client_max_size=MAX_BODY_BYTES,
            middlewares=[guard(lambda path: path.startswith(PREFIX))],
        )
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)

    async def start(self, port: int = 0) -> str:
        """Start listening, and return the URL.

        Args:
            port: The port; 0 takes a free one.

        Raises:
            OSError: The port is in use.
        """
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, port).start()
        return f"http://{HOST}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Answer the requests in progress, then close."""
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        head = Head(
            method=request.method,
            path=request.path,
            query=request.query,
            headers={name.lower(): value for name, value in request.headers.items()},
            base_url=f"http://{request.host}",
        )
        if request.path.startswith(PREFIX):
            return _response(self._administer(head, await request.read()))
        call = self._api.open(head)
        if call.fault:
            await request.content.read(READ_BEFORE_RESET)
            self._api.abandon(call)
            _reset(request)
            return web.Response()
        try:
            body = await request.read()
        except ConnectionError:
            self._api.abandon(call)
            return web.Response()
        reply = self._api.answer(call, body)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.lost and request.transport:
            request.transport.close()
        return _response(reply)

    def _administer(self, head: Head, body: bytes) -> Reply:
        try:
            message = json.loads(body) if body else None
        except ValueError as error:
            return json_reply(invalid_argument(f"not JSON: {error}").to_json(), 400)
        return self._admin.answer(head, message)


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


def _reset(request: web.Request) -> None:
    if request.transport is None:
        return
    connection = request.transport.get_extra_info("socket")
    # With a linger time of 0, closing sends RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


@contextmanager
def serving(simulator: Simulator, port: int = 0) -> Iterator[str]:
    """Serve in a thread while the context lasts, and yield the URL.

    The caller keeps the simulator: it may inspect it or advance its clock, and must close it.
    """
    loop = asyncio.new_event_loop()
    server = Server(simulator)
    thread = threading.Thread(target=loop.run_forever, name="gemini-simulator")
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.start(port), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
