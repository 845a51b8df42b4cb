"""Sends deliveries over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp

from local.cloud_tasks.delivery.task_request import Delivery
from local.cloud_tasks.queue.retry import retry_after_seconds
from local.cloud_tasks.queue.task import Outcome

KEEP_ALIVE = 1.5
"""Seconds that an idle connection is kept open: less than in usual servers (gunicorn: 2 s), because
a request on a connection that the server is closing would be lost."""

_CHUNK = 1 << 16


class Sender:
    """An HTTP client without proxies, cookies, redirects, or a limit on connections.

    It must be created in a running event loop.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type"),
            timeout=aiohttp.ClientTimeout(sock_connect=None),
            trust_env=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one request; read and discard the body of the answer."""
        try:
            async with asyncio.timeout(delivery.deadline):
                return await self._exchange(delivery)
        except TimeoutError:
            return Outcome(None, f"no answer within {delivery.deadline:g} s", timed_out=True)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Outcome(None, f"no answer: {type(error).__name__}")

    async def _exchange(self, delivery: Delivery) -> Outcome:
        async with self._session.request(
            delivery.method,
            delivery.url,
            headers=delivery.headers,
            data=delivery.body or None,
            allow_redirects=False,
        ) as response:
            async for _ in response.content.iter_chunked(_CHUNK):
                pass
            answer = Outcome(response.status)
            if answer.succeeded:
                return answer
            retry_after = retry_after_seconds(response.headers.get("Retry-After"), self._clock())
            return Outcome(response.status, f"HTTP status {response.status}", retry_after)
