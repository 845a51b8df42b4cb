"""Reads, weight and first byte of each page of a browser.

The database holds 20,000 files that need a look. The first byte comes over a socket, from the
in-memory twin, which looks at every record for every list.
"""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass
from statistics import median

from shared.page.rendering import assets
from tests.world import World

PATHS = (
    *("/", "/page/live", "/page/latest", "/lists/failed", "/lists/skipped", "/lists/waiting"),
    *(f"/assets/{name}" for name in assets()),
)

REPEATS = 5


@dataclass(frozen=True, slots=True)
class Page:
    """What one page costs; ``first_byte`` is the median in seconds."""

    reads: int
    size: int
    first_byte: float


def measured(world: World, port: int, path: str) -> Page:
    """Ask for a page as a browser does."""
    seconds, size, before = [], 0, world.documents.reads
    for _ in range(REPEATS):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        began = time.perf_counter()
        connection.request("GET", path, headers={"Accept": "text/html"})
        answer = connection.getresponse()
        seconds.append(time.perf_counter() - began)
        size = len(answer.read())
        connection.close()
    return Page((world.documents.reads - before) // REPEATS, size, median(seconds))
