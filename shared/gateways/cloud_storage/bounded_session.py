"""Connections of requests that end a call at its deadline (``call_deadline``)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from shared.gateways.call_deadline import left

if TYPE_CHECKING:
    import socket

    from requests import Session
    from typing_extensions import Buffer


BUFFER_BYTES = 1 << 17
"""Bytes that are taken from a socket at a time."""


def bound(session: Session) -> None:
    """Let every connection that the session makes end at the deadline of its call.

    Those through a proxy of the environment keep the session's own timeouts.
    """
    for scheme in ("http://", "https://"):
        known = session.get_adapter(scheme)
        retries = known.max_retries if isinstance(known, HTTPAdapter) else 0
        session.mount(scheme, _Adapter(max_retries=retries))


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as there
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _Connection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(self.sock)


class _SecureConnection(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock = _Socket(self.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Socket:
    """A connected socket, as http.client uses it."""

    def __init__(self, real: socket.socket) -> None:
        self._real = real
        self._timeout = real.gettimeout()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the socket has
        return getattr(self._real, name)

    def settimeout(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._real.settimeout(timeout)

    def wait(self) -> None:
        """Let the next call of the socket take what is left of the time."""
        self._real.settimeout(left(self._timeout))

    def sendall(self, data: Buffer) -> None:
        self.wait()  # it is the timeout for all of the data
        self._real.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        # Made by the socket, which stays open as long as its files are.
        return io.BufferedReader(_File(self, self._real.makefile(mode, buffering=0)), BUFFER_BYTES)  # type: ignore[call-overload]


class _File(io.RawIOBase):
    def __init__(self, bounded: _Socket, file: io.RawIOBase) -> None:
        super().__init__()
        self._bounded = bounded
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int | None:
        self._bounded.wait()
        return self._file.readinto(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()
