"""Runs a whole server: the gRPC API, the admin HTTP server, the dispatcher, the state file."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

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
from local.grpc_server.listening import Addresses, addresses, serve_grpc, serve_http

_log = logging.getLogger(__name__)

SWEEP_INTERVAL = 60.0
"""Seconds between deletions of expired tombstones and tasks."""


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
        admin_port = await serve_http(stack, admin.application(), settings.admin_port)
        service = CloudTasksService(broker, dispatcher, clock)
        grpc_port = await serve_grpc(stack, service.handlers(), settings.port)
        stack.push_async_callback(dispatcher.stop, settings.grace)
        sweeper = asyncio.create_task(_sweep(broker))
        stack.callback(sweeper.cancel)
        dispatcher.start()
        yield addresses(grpc_port, admin_port)


async def _sweep(broker: Broker) -> None:
    while True:
        await asyncio.sleep(SWEEP_INTERVAL)
        try:
            broker.sweep()
        except sqlite3.OperationalError as error:  # such as a full disk
            _log.warning("the state can't be written: %s", error)
