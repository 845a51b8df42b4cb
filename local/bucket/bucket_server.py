"""The Cloud Storage server of a run, and its client."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local import packaging
from local.processes.children import Child, Processes
from local.processes.ports import loopback

if TYPE_CHECKING:
    from google.cloud import storage


class BucketServer:
    """Serves buckets on 127.0.0.1 to Google's own client.

    Args:
        state: The folder that keeps objects, so that a later run finds them unchanged. None keeps
            nothing.
    """

    def __init__(self, processes: Processes, *, port: int, state: Path | None) -> None:
        self.url = f"http://{loopback(port)}"
        self._child = self._start(processes, port, state)

    def wait(self) -> None:
        """Return when the server answers, or raise `CouldNotRun`."""
        self._child.announced()

    def client(self, project: str) -> storage.Client:
        """Return a client of this server; the caller closes it."""
        from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415 - takes long
        from google.cloud import storage  # noqa: PLC0415 - as above

        return storage.Client(
            project=project,
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": self.url},
        )

    @staticmethod
    def _start(processes: Processes, port: int, state: Path | None) -> Child:
        argv = [sys.executable, "-m", "local.cloud_storage", "--port", str(port)]
        if state is not None:
            argv += ["--state", str(state)]
        return processes.start("cloud-storage", argv, env=os.environ, cwd=packaging.ROOT)
