"""The local Cloud Storage as a process, with Google's client and a bucket."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from tests.patience import PATIENCE


class Served:
    """A server and a bucket in it."""

    def __init__(self, state: Path | None = None) -> None:
        argv = [sys.executable, "-m", "local.cloud_storage"]
        argv += [] if state is None else ["--state", str(state)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = json.loads(self.process.stdout.readline())["url"].removeprefix("http://")
        self.port = int(self.address.rpartition(":")[2])
        self.client = storage.Client(
            project="demo",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": f"http://{self.address}"},
        )
        found = self.client.lookup_bucket("shelf")
        self.bucket = self.client.create_bucket("shelf") if found is None else found

    def names(self) -> set[str]:
        return {blob.name for blob in self.bucket.list_blobs()}

    def peak(self) -> int:
        """The most memory, in bytes, that the server has held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        with closing(http.client.HTTPConnection(self.address, timeout=PATIENCE)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            reply = connection.getresponse()
            return reply.status, reply.read(), dict(reply.headers)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.communicate()
