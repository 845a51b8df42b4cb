"""Real servers on this machine, for as long as a test needs them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from local.processes.ports import free_ports
from local.web_guard.rules import ADMIN_HEADER
from tests.patience import PATIENCE


def wait_until(condition: Callable[[], bool]) -> None:
    """Look again and again, for as long as a busy machine may need."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        pause.wait(0.01)


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def local_server(module: str, *options: str) -> Iterator[dict[str, str]]:
    """A server of this repository; its first line of output says where it is."""
    with running(sys.executable, "-m", module, "--port", "0", *options) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())


def free_port() -> int:
    (port,) = free_ports(1)
    return port


def http_json(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={ADMIN_HEADER: "test"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
        return json.load(reply)
