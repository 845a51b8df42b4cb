"""Runs a whole server: the gRPC API, the admin HTTP server, the state file."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from local.firestore.api.admin import Admin
from local.firestore.api.databases import Databases
from local.firestore.api.faults import FaultSwitch
from local.firestore.api.service import FirestoreService
from local.firestore.engine.database import wall_clock
from local.firestore.query.document import Micros
from local.firestore.refusals import Refused
from local.firestore.settings import Settings
from local.firestore.storage.state_file import StateFile
from local.grpc_server.listening import Addresses, addresses, serve_grpc, serve_http

_log = logging.getLogger(__name__)

SWEEP_INTERVAL = 60.0
"""Seconds between deletions of expired documents."""

_LARGEST_MESSAGE = 64 * 1024 * 1024
"""Beyond the largest request, so that the service can say what is wrong with it."""


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
        admin_port = await serve_http(stack, admin.application(), settings.admin_port)
        grpc_port = await serve_grpc(
            stack,
            FirestoreService(databases, faults).handlers(),
            settings.port,
            max_receive_message_length=_LARGEST_MESSAGE,
            max_send_message_length=-1,
        )
        sweeper = asyncio.create_task(_sweep(databases, settings.expiry_delay))
        stack.callback(sweeper.cancel)
        yield addresses(grpc_port, admin_port)


async def _sweep(databases: Databases, delay: float) -> None:
    deleted = 0
    while True:
        await asyncio.sleep(0 if deleted else SWEEP_INTERVAL)  # others have their turn in between
        try:
            deleted = databases.delete_expired(delay)
        except Refused as refusal:  # such as a full disk
            deleted = 0
            _log.warning("expired documents can't be deleted: %s", refusal.message)
