"""Connections of httpx2 that end a call at its deadline (``call_deadline``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import httpcore2
import httpx2

from shared.gateways.call_deadline import left

if TYPE_CHECKING:
    import ssl

    from httpcore2 import SOCKET_OPTION


def bounded(client: httpx2.Client) -> httpx2.Client:
    """Let every connection that the client makes end at the deadline of its call.

    httpx2 can't be given a network, only httpcore2 below it can, so this replaces httpx2's. The
    transports to proxies of the environment are among them.
    """
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 - see above
        if isinstance(transport, httpx2.HTTPTransport):
            pool = transport._pool  # noqa: SLF001 - see above
            pool._network_backend = _Network(pool._network_backend)  # noqa: SLF001 - see above
    return client


class _Network(httpcore2.NetworkBackend):
    def __init__(self, network: httpcore2.NetworkBackend) -> None:
        self._network = network

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(
            self._network.connect_tcp(host, port, seconds, local_address, socket_options)
        )

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # The stream's timeout starts anew with each part that is accepted.
        view = memoryview(buffer)
        for start in range(0, len(view), _PART):
            seconds = _left(timeout, httpcore2.WriteTimeout)
            self._stream.write(view[start : start + _PART], seconds)  # type: ignore[arg-type]

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = _left(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, seconds))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as there
        return self._stream.get_extra_info(info)


_PART = 1 << 18
"""Bytes of one write."""


def _left(timeout: float | None, error: type[Exception]) -> float | None:
    try:
        return left(timeout)
    except TimeoutError as passed:
        raise error(str(passed)) from passed
