"""Runs the functions on this machine, each from its own zip, as Cloud Run would."""

from __future__ import annotations

import marshal
import os
import shutil
import signal
import sys
import zipfile
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.machinery import SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

from local import packaging
from local.processes import orphan_cleanup
from local.processes.children import Child, CouldNotRun, Processes, answers
from local.processes.ports import loopback

FUNCTIONS = packaging.FUNCTIONS

MAX_THREADS = 32
"""The most threads of one function; more would only slow a small machine down."""

SHARED = "shared"

_TRUSTED = 1
"""The flag of bytecode that has its source's hash, but isn't compared with the source (PEP 552)."""

_INHERITED = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
)
"""The variables a function inherits from this process besides its settings: none that would change
what Google's clients, Python or the settings see."""


def unpack(destination: Path, functions: Sequence[str] = FUNCTIONS) -> dict[str, Path]:
    """Build and unpack each function's zip; return the folder of each function.

    What all of them have is unpacked once, with its bytecode, and is linked into each folder.

    Raises:
        CouldNotRun: A part of a function is missing from the checkout.
    """
    try:
        packages = packaging.build(destination / "zips", functions)
    except (OSError, ValueError) as error:
        why: object = error
        if isinstance(error, OSError) and error.filename is not None:
            why = f"{error.filename}: {error.strerror}"
        raise CouldNotRun(f"the functions could not be packaged: {why}") from error
    folders = {}
    for function, package in packages.items():
        folders[function] = destination / function
        _extract(package.path, folders[function], destination)
    return folders


def _extract(package: Path, folder: Path, common: Path | None = None) -> None:
    """Unpack a zip, with the bytecode of its modules.

    Args:
        package: The zip.
        folder: Where to unpack it.
        common: Where ``shared`` is, or is unpacked now, to be linked from there. Without it, the
            folder gets its own.
    """
    with zipfile.ZipFile(package) as archive:
        if common is None:
            archive.extractall(folder)
        else:
            names, shared = archive.namelist(), common / SHARED
            own = [name for name in names if not name.startswith(f"{SHARED}/")]
            archive.extractall(folder, own)
            if not shared.exists():
                archive.extractall(common, set(names).difference(own))
                _compile(shared)
            (folder / SHARED).symlink_to(shared)
    _compile(folder)


def _compile(folder: Path) -> None:
    """Give each module its bytecode; that of the same source in the checkout, if it is there."""
    for path in folder.rglob("*.py"):
        source, bytecode = path.read_bytes(), Path(cache_from_source(str(path)))
        original = packaging.ROOT / path.relative_to(folder.parent)
        is_same = original.is_file() and original.read_bytes() == source
        bytecode.parent.mkdir(exist_ok=True)
        bytecode.write_bytes(_bytecode(original if is_same else path, source))


def _bytecode(path: Path, source: bytes) -> bytes:
    """Compile a module as its import would, which keeps the result beside it, or finds it there."""
    code = SourceFileLoader(path.stem, str(path)).get_code(path.stem)
    header = MAGIC_NUMBER + _TRUSTED.to_bytes(4, "little") + source_hash(source)
    return header + marshal.dumps(code)


def inherited() -> dict[str, str]:
    """The environment variables of this process that a function has, besides its settings."""
    return {key: value for key, value in os.environ.items() if key in _INHERITED}


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
        framework = [sys.executable, "-m", "local.stack.guarded_function", "--port", str(port)]
        self._processes = processes
        self._folder = folder
        self._serve = partial(
            processes.start,
            name,
            framework,
            env={**inherited(), **settings, "THREADS": str(threads), "WORKERS": "1"},
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
        _extract(package, self._folder)
        self.restart()
