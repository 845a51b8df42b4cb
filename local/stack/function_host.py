"""Runs the functions on this machine, each from its own zip, as Cloud Run would."""

from __future__ import annotations

import os
import py_compile
import shutil
import signal
import sys
import zipfile
from collections.abc import Mapping
from functools import partial
from importlib.util import cache_from_source
from pathlib import Path

from local import packaging
from local.processes import orphan_cleanup
from local.processes.children import Child, CouldNotRun, Processes, answers
from local.processes.ports import loopback

FUNCTIONS = packaging.FUNCTIONS

MAX_THREADS = 32
"""The most threads of one function; more would only slow a small machine down."""

_INHERITED = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
)
"""The variables a function inherits from this process besides its settings: none that would change
what Google's clients, Python or the settings see."""


def unpack(destination: Path) -> dict[str, Path]:
    """Build and unpack each function's zip; return the folder of each function.

    The modules are compiled here, each once, because the functions start at the same time and
    share nearly all of them.

    Raises:
        CouldNotRun: A part of a function is missing from the checkout.
    """
    try:
        packages = packaging.build(destination / "zips")
    except (OSError, ValueError) as error:
        why: object = error
        if isinstance(error, OSError) and error.filename is not None:
            why = f"{error.filename}: {error.strerror}"
        raise CouldNotRun(f"the functions could not be packaged: {why}") from error
    folders = {}
    compiled: dict[bytes, str] = {}
    for function, package in packages.items():
        folders[function] = destination / function
        _extract(package.path, folders[function], compiled)
    return folders


def _extract(package: Path, folder: Path, compiled: dict[bytes, str]) -> None:
    """Unpack a zip, and compile its modules, unless ``compiled`` has a module's bytecode already.

    What is compiled here is added to it.
    """
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    for path in folder.rglob("*.py"):
        source, bytecode = path.read_bytes(), cache_from_source(str(path))
        if source in compiled:
            Path(bytecode).parent.mkdir(exist_ok=True)
            shutil.copyfile(compiled[source], bytecode)
        else:
            py_compile.compile(
                str(path), bytecode, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
            )
            compiled[source] = bytecode


def threads_for(concurrent_dispatches: int) -> int:
    """Return how many threads a function needs for so many concurrent dispatches."""
    return min(MAX_THREADS, concurrent_dispatches + 4)


class Function:
    """One function, served by functions-framework behind the guard against web pages.

    Args:
        folder: Its unpacked zip; the function can import nothing else of this project.
        settings: Its environment variables.
        threads: How many requests it serves at the same time.
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
        framework = [sys.executable, "-m", "local.stack.guarded_function", "--port", str(port)]
        self._processes = processes
        self._folder = folder
        self._serve = partial(
            processes.start,
            name,
            framework,
            env={**inherited, **settings, "THREADS": str(threads), "WORKERS": "1"},
            cwd=folder,  # Python puts this first on its path
        )
        self.child: Child = self._serve()

    def wait(self) -> None:
        """Return when the function answers, or raise `CouldNotRun`."""
        self.child.wait_until(lambda: answers(self.url))

    def kill(self) -> None:
        """Kill the function and its current requests without warning, as a crash would."""
        orphan_cleanup.send(self.child.pid, signal.SIGKILL)
        self._processes.stop(self.child)

    def restart(self) -> None:
        """Start the function again on the same port after `kill`; call `wait` to wait for it."""
        self.child = self._serve()

    def redeploy(self, package: Path) -> None:
        """Serve another zip, after the function was stopped; call `wait` to wait for it."""
        shutil.rmtree(self._folder)
        _extract(package, self._folder, {})
        self.restart()
