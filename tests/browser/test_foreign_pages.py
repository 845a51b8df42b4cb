"""What a page of another port can do to a running stack, in a real browser: nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from local.fss.deployment.http import fetched
from local.stack.local_stack import LocalStack
from tests.browser.chromium import REBOUND, content_of, visiting
from tests.browser.foreign_page import ForeignPage, OpenServer, Target, foreign_page
from tests.patience import PATIENCE
from tests.stack import Shelf, local_stack, shelf

__all__ = ["local_stack", "shelf"]

pytestmark = pytest.mark.browser

PORTS = (
    *("dispatcher", "upload", "status", "bucket", "gemini"),
    *("tasks", "tasks' admin", "firestore", "firestore's admin"),
)

SECRET = "what only the person may read"


@contextmanager
def open_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), OpenServer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def listening(stack: LocalStack) -> set[int]:
    """Every TCP port on which a process of the stack listens, whatever it is for."""
    pids = {str(child.pid) for child in stack._watched._children} if stack._watched else set()
    inodes = set()
    for process in Path("/proc").iterdir():
        try:
            status = (process / "stat").read_text().rpartition(")")[2].split()
            if process.name.isdigit() and {process.name, status[1], status[2]} & pids:
                inodes |= {str(fd.readlink()) for fd in (process / "fd").iterdir()}
        except OSError:
            continue
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    rows += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    listens = "0A"
    return {
        int(row[1].rpartition(":")[2], 16)
        for row in rows
        if row[3] == listens and f"socket:[{row[9]}]" in inodes
    }


def targets_of(stack: LocalStack, name: str) -> list[Target]:
    """All that the stack serves, by its usual paths; and the start page of every port."""
    urls = stack.urls
    objects = f"{urls.storage}/storage/v1/b/{urls.bucket}/o"
    upload = f"{urls.storage}/upload/storage/v1/b/{urls.bucket}/o?uploadType=media&name=planted"
    stores = f"{urls.gemini}/v1beta/fileSearchStores?key=local"
    tasks = urls.cloud_tasks_admin
    known = [
        Target("bucket", objects, upload, "planted"),
        Target("object", f"{objects}/{quote(name, safe='')}?alt=media", upload),
        Target("bucket admin", objects, f"{urls.storage}/admin/buckets/{urls.bucket}/access", "{}"),
        Target("gemini", stores, stores),
        Target("gemini admin", f"{urls.gemini}/_sim/documents", f"{urls.gemini}/_sim/reset", ""),
        Target("gemini faults", stores, f"{urls.gemini}/_sim/faults", '{"kind": "internal"}'),
        Target("dispatcher", urls.dispatcher, f"{urls.dispatcher}/sync"),
        Target("upload", urls.upload, f"{urls.upload}/step"),
        Target("status", f"{urls.status}/batches", f"{urls.status}/batches"),
        Target("tasks admin", f"{tasks}/queues", f"{tasks}/faults", '{"lose_fraction": 1}'),
    ]
    named = [_by(host, target) for host in ("localhost", REBOUND) for target in known]
    every = [
        f"{scheme}://127.0.0.1:{port}/"
        for port in sorted(listening(stack))
        for scheme in ("http", "https")
    ]
    assert len(every) >= 2 * len(PORTS)
    return [*known, *named, *(Target(url, url, url) for url in every)]


def _by(host: str, target: Target) -> Target:
    url, write = _at(host, target.url), _at(host, target.write)
    return Target(f"{target.name} at {host}", url, write, target.body)


def _at(host: str, url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{host}:{parts.port}").geturl()


def state_of(stack: LocalStack, shelf: Shelf) -> dict[str, Any]:
    """All that a page might have changed."""
    urls = stack.urls
    queues = fetched(f"{urls.cloud_tasks_admin}/queues")["queues"]
    return {
        "objects": {(each.name, each.generation) for each in shelf.bucket.list_blobs()},
        "buckets": [each.name for each in shelf.bucket.client.list_buckets()],
        "requests": fetched(f"{urls.gemini}/_sim/stats")["requests"],
        "documents": fetched(f"{urls.gemini}/_sim/documents"),
        "faults": fetched(f"{urls.gemini}/_sim/faults"),
        "task faults": fetched(f"{urls.cloud_tasks_admin}/faults"),
        "queues": [(each["name"], each["paused"], each["depth"]) for each in queues],
        "batches": [each["batch_id"] for each in shelf.deployment.batches(100)],
    }


def could(page: ForeignPage) -> dict[str, dict[str, Any]]:
    """What the page got an answer from, by target, except what tells a page nothing.

    A post without CORS is sent, and a form or frame loads the refusal; the page can't see into it.
    """
    blind = {"plain": "opaque", "unreferred": "opaque", "form": "sent", "beacon": True}
    report = page.report()
    found = {
        name: {
            how: what
            for how, what in attempts.items()
            if not str(what).startswith("refused") and blind.get(how) != what
        }
        for name, attempts in report.items()
    }
    return {name: attempts for name, attempts in found.items() if attempts}


def test_a_page_on_another_port_neither_reads_nor_writes_anything(
    browser: str, local_stack: LocalStack, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.put("secret.txt", SECRET.encode())
    shelf.sync()
    before = state_of(local_stack, shelf)
    targets = targets_of(local_stack, f"{shelf.prefix}secret.txt")
    with open_server() as unguarded:
        control = Target("control", unguarded, unguarded)
        with foreign_page([control, *targets]) as page, visiting(browser, page.url, tmp_path):
            found = could(page)
    seen = found.pop("control")
    assert seen["fetch_text"] == "/*me*/", "the browser itself keeps no page from a server"
    assert seen["put"] == seen["json"] == 200
    assert OpenServer.written.get(timeout=PATIENCE)
    assert found == {}
    assert state_of(local_stack, shelf) == before


def test_a_person_reads_the_status_in_the_browser_and_a_rebound_name_does_not(
    browser: str, local_stack: LocalStack, tmp_path: Path
) -> None:
    status = local_stack.urls.status
    assert "batches" in content_of(browser, f"{status}/batches", tmp_path / "a")
    rebound = content_of(browser, _at(REBOUND, f"{status}/batches"), tmp_path / "b")
    assert "must name this machine" in rebound
    objects = f"{local_stack.urls.storage}/storage/v1/b/{local_stack.urls.bucket}/o"
    assert "must name this machine" in content_of(browser, _at(REBOUND, objects), tmp_path / "c")
