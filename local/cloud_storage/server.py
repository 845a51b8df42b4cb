"""Runs a whole server: the HTTP server behind the guard, and the state folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from local.cloud_storage.api.buckets import ADMIN, Buckets
from local.cloud_storage.api.copies import Copies
from local.cloud_storage.api.downloads import Downloads
from local.cloud_storage.api.objects import Objects
from local.cloud_storage.api.router import Router
from local.cloud_storage.api.uploads import Uploads
from local.cloud_storage.storage.state_folder import StateFolder
from local.web_guard.aiohttp_guard import guard

HOST = "127.0.0.1"
SHUTDOWN_S = 1.0

LINE_BYTES = 64 * 1024
"""Longest request line or header. A listing's parameters are up to four object names, of which each
has up to 1,024 bytes, percent-encoded three times as long."""


@asynccontextmanager
async def serving(port: int, folder: Path | None) -> AsyncIterator[str]:
    """Serve for the duration of the context, and yield the URL.

    Args:
        port: The port to listen on; 0 takes a free one.
        folder: The folder that keeps buckets and objects; None keeps nothing.

    Raises:
        OSError: The port is in use.
        StateError: The folder can't be used.
    """
    async with AsyncExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="fss-storage-")))
        state = StateFolder(folder)
        stack.callback(state.close)
        runner = web.AppRunner(
            _application(state),
            access_log=None,
            auto_decompress=False,  # or a body that is cut would be taken for whole
            max_field_size=LINE_BYTES,
            max_line_size=LINE_BYTES,
            shutdown_timeout=SHUTDOWN_S,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"


def _application(state: StateFolder) -> web.Application:
    buckets = Buckets(state)
    objects = Objects(state, buckets)
    downloads = Downloads(state, buckets, objects)
    uploads, copies = Uploads(state, buckets), Copies(state, buckets)
    rooms = (buckets, downloads, objects, uploads, copies)
    router = Router(route for room in rooms for route in room.routes())
    application = web.Application(middlewares=[guard(lambda path: path.startswith(ADMIN))])
    application.router.add_route("*", "/{path:.*}", router.handle)
    return application
