"""A TCP relay that closes as soon as it sees certain bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

BLOCK = 65_536


class Gate:
    """Relays connections to an address that may be set after it has started.

    Once a client sends ``mark``, the gate shuts: no bytes of any client pass, including the mark,
    until it is opened. Bytes held until then are lost.

    Attributes:
        address: ``host:port`` to connect to.
        shut: Set when the gate has shut.
    """

    def __init__(self, mark: bytes) -> None:
        self.shut = threading.Event()
        self._mark = mark
        self._armed = False
        self._target = ("", 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._sockets: list[socket.socket] = []

    def lead_to(self, target: str) -> None:
        """Relay to ``host:port`` from now on, and shut at the mark."""
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._armed = True

    def open(self) -> None:
        """Let everything pass from now on; held connections are closed."""
        self._armed = False
        self.shut.clear()
        self._cut()

    def close(self) -> None:
        """Stop."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()

    def accept(self) -> None:
        """Relay until closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for pair in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._relay, args=pair, daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, guarded: bool) -> None:
        with suppress(OSError):
            while block := source.recv(BLOCK):
                if guarded and self._armed and self._mark in block:
                    self.shut.set()
                if not (guarded and self.shut.is_set()):
                    sink.sendall(block)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _cut(self) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._sockets.clear()


@contextmanager
def gate(mark: bytes) -> Iterator[Gate]:
    """A gate that runs in a thread during the context."""
    standing = Gate(mark)
    thread = threading.Thread(target=standing.accept, daemon=True)
    thread.start()
    try:
        yield standing
    finally:
        standing.close()
        thread.join()
