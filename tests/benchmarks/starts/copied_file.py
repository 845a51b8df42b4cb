"""A large file through the upload step, beside copying the same bytes with no logic.

Each runs in a process of its own, so that its memory is its own. The bucket and Gemini are local
servers; the step uses the adapters that are deployed.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import IO
from unittest import mock
from urllib.parse import quote, urlsplit

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from shared.domain.batch.request import SyncRequest
from shared.domain.file.record import FileStatus
from shared.gateways.cloud_storage.bucket import CloudStorage
from shared.gateways.gemini.file_search import GeminiFileSearch
from shared.gateways.ports import Task
from tests.contract.servers import local_server
from tests.twins.clock import ManualClock
from tests.world import World, rules

SMALL, LARGE = "a small one.md", "the large one.md"
"""In this order: what is created or imported when it is first used, is then there."""
BUCKET = "copied"
CHUNK = 8 << 20
"""Bytes of one request, as in the official client."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What one copy took: seconds, and bytes above those that the process held before."""

    seconds: float
    peak: int


def copied(how: str, size: int) -> Copied:
    """Copy a file of so many bytes, by the upload ``step`` or ``plain``."""
    fast = ("--processing-seconds", "0", "--import-seconds", "0", "--jitter", "0")
    with local_server("local.cloud_storage") as bucket, local_server("local.gemini", *fast) as to:
        _fill(bucket["url"], size)
        module = [sys.executable, "-m", "tests.benchmarks.starts.copied_file"]
        done = subprocess.run(
            [*module, how, bucket["url"], to["url"]],
            stdout=subprocess.PIPE,
            check=True,
        )
    return Copied(**json.loads(done.stdout))


def _client(url: str) -> storage.Client:
    with mock.patch.dict("os.environ", STORAGE_EMULATOR_HOST=url):
        return storage.Client(project="p", credentials=AnonymousCredentials())


def _fill(url: str, size: int) -> None:
    line = b"A line of a file that is long enough.\n"
    with closing(_client(url)) as client:
        bucket = client.create_bucket(BUCKET)
        bucket.blob(SMALL).upload_from_string(line, "text/markdown")
        bucket.blob(LARGE).upload_from_string((line * (size // len(line) + 1))[:size])


# --- in a process of its own ------------------------------------------------------------------


def _measured(copy: Callable[[], None]) -> Copied:
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    idle, began = _memory("VmRSS"), time.perf_counter()
    copy()
    seconds = time.perf_counter() - began
    return Copied(seconds, _memory("VmHWM") - idle)


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


def _by_step(storage_url: str, gemini_url: str) -> Copied:
    """Sync both files, and measure the first delivery for the large one: that of its upload."""
    took: list[Copied] = []
    with closing(_client(storage_url)) as client, closing(_gemini(gemini_url)) as gemini:
        bucket = CloudStorage(client, BUCKET)
        (small, *_) = bucket.list_objects(prefix="", limit=1)
        world = World(rules(), ManualClock(small.updated + timedelta(hours=1)))
        world.use(replace(world.context, bucket=bucket, gemini=gemini))
        deliver = world.deliver

        def delivered(task: Task) -> None:
            is_large = task.payload.get("path") == LARGE
            if is_large and world.file(SMALL).status is not FileStatus.PENDING and not took:
                took.append(_measured(lambda: deliver(task)))
            else:
                deliver(task)

        world.deliver = delivered  # type: ignore[method-assign]  # this world only
        world.start(SyncRequest())
        while not took:
            world.step()
        if world.file(LARGE).working is None:
            raise AssertionError(f"the delivery left it {world.file(LARGE).status}")
    return took[0]


def _gemini(url: str) -> GeminiFileSearch:
    return GeminiFileSearch("AIzaTEST", base_url=url, timeout=timedelta(minutes=2))


def _plainly(storage_url: str, gemini_url: str) -> Copied:
    """Read both objects and send them, and measure the second."""
    _copy(storage_url, gemini_url, SMALL)
    return _measured(lambda: _copy(storage_url, gemini_url, LARGE))


def _copy(storage_url: str, gemini_url: str, name: str) -> None:
    """Copy an object, chunk by chunk, by the standard library."""
    source = f"{storage_url}/download/storage/v1/b/{BUCKET}/o/{quote(name)}?alt=media"
    with (
        closing(urllib.request.urlopen(source)) as content,
        closing(http.client.HTTPConnection(urlsplit(gemini_url).netloc)) as connection,
    ):
        _send(connection, content, int(content.headers["Content-Length"]))


def _send(connection: http.client.HTTPConnection, content: IO[bytes], size: int) -> None:
    key = {"x-goog-api-key": "AIzaTEST"}
    start = {
        **key,
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Header-Content-Length": str(size),
        "X-Goog-Upload-Header-Content-Type": "text/markdown",
        "Content-Type": "application/json",
    }
    connection.request("POST", "/upload/v1beta/files", b'{"file": {}}', start)
    with connection.getresponse() as answer:
        answer.read()
        place = urlsplit(answer.headers["X-Goog-Upload-URL"])
    sent = 0
    while sent < size:
        chunk = content.read(CHUNK)
        is_last = sent + len(chunk) == size
        command = "upload, finalize" if is_last else "upload"
        headers = {**key, "X-Goog-Upload-Command": command, "X-Goog-Upload-Offset": str(sent)}
        connection.request("POST", f"{place.path}?{place.query}", chunk, headers)
        with connection.getresponse() as answer:
            answer.read()
            if answer.status != HTTPStatus.OK:
                raise AssertionError(f"{answer.status} at {sent} of {size}")
        sent += len(chunk)


if __name__ == "__main__":
    how, *urls = sys.argv[1:]
    print(json.dumps(asdict((_by_step if how == "step" else _plainly)(*urls))))
