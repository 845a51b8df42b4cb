"""The deployed functions on this machine, each from its own zip, as Cloud Run would run it."""

from __future__ import annotations

import compileall
import os
import signal
import sys
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from local import packaging
from local.processes import orphan_cleanup
from local.processes.children import Child, CouldNotRun, Processes, answers
from local.processes.ports import HOST, loopback

FUNCTIONS = packaging.FUNCTIONS

MAX_THREADS = 32
"""Of one function: more would only make a small machine wait for itself."""

_INHERITED = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
)
"""What a function gets of this process's environment besides its settings: nothing by which
Google's clients, Python or the settings themselves would see more than was decided here."""


def unpack(destination: Path) -> dict[str, Path]:
    """Build and unpack each function's zip; returns the folder of each.

    The modules are compiled at once: the machine may forbid Python to do so as it goes.

    Raises:
        CouldNotRun: The checkout lacks a part of a function.
    """
    try:
        packages = packaging.build(destination / "zips")
    except (OSError, ValueError) as error:
        raise CouldNotRun(f"the functions could not be packed: {error}") from error
    folders = {}
    for function, package in packages.items():
        folders[function] = destination / function
        with zipfile.ZipFile(package.path) as archive:
            archive.extractall(folders[function])
        compileall.compile_dir(folders[function], quiet=1)
    return folders


def threads_for(concurrent_dispatches: int) -> int:
    """Return how many requests a function should serve at once, for that many dispatches."""
    return min(MAX_THREADS, concurrent_dispatches + 4)


class Function:
    """One function, served by functions-framework.

    Args:
        folder: Its unpacked zip. Nothing else of this project is importable for it.
        settings: Its environment variables.
        threads: Requests served at the same time.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        processes: Processes,
        *,
        port: int,
        settings: Mapping[str, str],
        threads: int,
    ) -> None:
        self.url = f"http://{loopback(port)}"
        inherited = {key: value for key, value in os.environ.items() if key in _INHERITED}
        framework = [sys.executable, "-m", "functions_framework", "--target", "main"]
        source = ["--source", str(folder / "main.py"), "--host", HOST, "--port", str(port)]
        self._processes = processes
        self._serve = partial(
            processes.start,
            name,
            [*framework, *source],
            env={**inherited, **settings, "THREADS": str(threads), "WORKERS": "1"},
            cwd=folder,  # which puts it before everything else on Python's path
        )
        self.child: Child = self._serve()

    def wait(self) -> None:
        """Return when it answers, or raise `CouldNotRun`."""
        self.child.wait_until(lambda: answers(self.url))

    def kill(self) -> None:
        """End it with all that it is at, as a crash would: it is told nothing."""
        orphan_cleanup.send(self.child.pid, signal.SIGKILL)
        self._processes.stop(self.child)

    def restart(self) -> None:
        """Start it again after `kill`, on the same port; `wait` returns when it answers."""
        self.child = self._serve()
