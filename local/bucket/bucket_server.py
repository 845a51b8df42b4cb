"""The Cloud Storage server of a run, and its client."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from local import packaging
from local.processes.children import Child, Processes
from local.processes.ports import loopback

MAX_STORED_PART = 230
"""The most bytes between two slashes of a name when objects are kept as files. File systems allow
255, and the server first writes each object under a longer temporary name (239 still worked)."""


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
        self._child.announced()

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
        argv = [sys.executable, "-m", "local.cloud_storage", "--port", str(port)]
        if self._folder is not None:
            argv += ["--folder", str(self._folder)]
        return processes.start("cloud-storage", argv, env=os.environ, cwd=packaging.ROOT)
