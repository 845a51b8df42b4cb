"""Creates the queues of the local Cloud Tasks server, as Terraform does in the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from shared.domain.throttle.tiers import Tier
from shared.gateways.ports import QueueName

if TYPE_CHECKING:
    from google.cloud import tasks_v2
    from google.protobuf.duration_pb2 import Duration

MIN_BACKOFF = timedelta(seconds=10)
MAX_BACKOFF = timedelta(seconds=300)
SHORTEST_BACKOFF = timedelta(seconds=1)
"""Cloud Tasks keeps only whole seconds."""

UNLIMITED_ATTEMPTS = -1


@dataclass(frozen=True, slots=True)
class Rate:
    """How many dispatches a queue makes per second, and how many it runs at the same time."""

    per_second: float
    concurrent: int


def rates(tier: Tier) -> dict[QueueName, Rate]:
    """Return each queue's rate; only the uploads queue is limited by the tier's quota."""
    return {
        QueueName.UPLOADS: Rate(tier.dispatches_per_second, tier.max_concurrent_dispatches),
        QueueName.POLLS: Rate(500, min(20, tier.max_concurrent_dispatches)),
        QueueName.CONTROL: Rate(10, 4),
    }


def connect(address: str) -> tasks_v2.CloudTasksClient:
    """Return a client of the server at ``host:port``; close its `transport`."""
    import grpc  # noqa: PLC0415 - these imports take long
    from google.cloud import tasks_v2  # noqa: PLC0415
    from google.cloud.tasks_v2.services.cloud_tasks.transports import (  # noqa: PLC0415
        CloudTasksGrpcTransport,
    )

    channel = grpc.insecure_channel(address)
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))


def create_queues(
    client: tasks_v2.CloudTasksClient, location: str, tier: Tier, time_scale: float
) -> dict[QueueName, str]:
    """Create the queues, or update those of an earlier run to these settings.

    Args:
        client: A client of the local server.
        location: The location, as ``projects/P/locations/L``.
        tier: The tier that gives the uploads queue its rate.
        time_scale: Divides the backoffs.

    Returns:
        The full name of each queue.
    """
    from google.api_core.exceptions import AlreadyExists  # noqa: PLC0415 - takes long
    from google.cloud import tasks_v2  # noqa: PLC0415 - as above

    retry = tasks_v2.RetryConfig(
        max_attempts=UNLIMITED_ATTEMPTS,
        min_backoff=_duration(max(SHORTEST_BACKOFF, MIN_BACKOFF / time_scale)),
        max_backoff=_duration(max(SHORTEST_BACKOFF, MAX_BACKOFF / time_scale)),
    )
    names = {}
    for name, rate in rates(tier).items():
        queue = tasks_v2.Queue(
            name=f"{location}/queues/{name}",
            rate_limits=tasks_v2.RateLimits(
                max_dispatches_per_second=rate.per_second, max_concurrent_dispatches=rate.concurrent
            ),
            retry_config=retry,
        )
        try:
            client.create_queue(parent=location, queue=queue)
        except AlreadyExists:
            client.update_queue(queue=queue)
        names[name] = queue.name
    return names


def redirect(state: Path, moved: Mapping[int, int]) -> int:
    """Change the URLs of an earlier run's queued tasks to the functions' new ports.

    Args:
        state: The state file of a Cloud Tasks server that is not running.
        moved: The new port for each old port.

    Returns:
        The number of tasks that were changed.
    """
    from local.cloud_tasks.broker.store import Store  # noqa: PLC0415 - takes long

    store, changed = Store(state), 0
    try:
        with store.transaction():
            for record in list(store.tasks()):
                request = record.message.http_request
                for old, new in moved.items():
                    if f":{old}/" in request.url:
                        request.url = request.url.replace(f":{old}/", f":{new}/", 1)
                        store.update_task(record)
                        changed += 1
                        break
    finally:
        store.close()
    return changed


def _duration(value: timedelta) -> Duration:
    from google.protobuf.duration_pb2 import Duration  # noqa: PLC0415 - takes long

    duration = Duration()
    duration.FromTimedelta(value)
    return duration
