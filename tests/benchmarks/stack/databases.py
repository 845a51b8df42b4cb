"""``python -m tests.benchmarks.stack.databases``: the local Firestore beside Google's emulator.

Both get the same requests from the official client, on the same machine, one after the other. The
local server keeps its documents in a file and has the indexes of Terraform; the emulator keeps them
in memory. Seconds and bytes mean something only as ratios. What fails or takes longer than
``--patience`` is printed as such, and the later figures for that number of records are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

from google.cloud import firestore

from local import packaging
from local.firestore_emulator.emulator import EmulatorUnavailable, FirestoreEmulator
from local.fss.deployment.client import Deployment
from local.fss.report.progress import PlainLines
from local.fss.sync import watch
from local.processes.children import CouldNotRun, Processes
from local.stack.firestore import LocalFirestore
from local.stack.local_stack import LocalStack
from local.stack.options import FirestoreKind, StackOptions
from local.terraform.firestore_indexes import firestore_indexes
from shared.domain.errors import GatewayError
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.throttle.tiers import tier_named
from shared.gateways.database import queries
from shared.gateways.database.codec import to_fields
from shared.gateways.database.firestore import FirestoreDocuments
from shared.gateways.database.records import file_path
from shared.gateways.ports import Put
from tests.benchmarks.process_costs import ProcessCosts, costs_of
from tests.world import World, rules

BATCH = 200
"""Records of one commit."""
PAGE = 1000
"""Records of one page."""
FEW = 20
"""One record in so many is not indexed, so it is found by its status."""
CLIENTS = 8
"""Threads that commit or query at the same time."""
REPEATED = 5
"""How often a query is made; the figure is the mean."""
MEGA = 1e6


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        host: Its address.
        pid: Its process; that of the emulator has children.
        folder: Where it keeps its documents; None: in memory.
        started: Seconds until it answered.
    """

    host: str
    pid: int
    folder: Path | None
    started: float

    def costs(self) -> ProcessCosts:
        return costs_of(self.pid)


class GaveUp(Exception):
    """A step took longer than the patience allows."""


class Table:
    """The figures of each server by their names, in the order in which they come."""

    def __init__(self) -> None:
        self._figures: dict[str, dict[FirestoreKind, float | str]] = defaultdict(dict)

    def add(self, kind: FirestoreKind, name: str, figure: float | str) -> None:
        """Keep a figure, or what happened instead."""
        self._figures[name][kind] = figure
        print(f"{kind.value}: {name}: {_shown(figure)}", file=sys.stderr, flush=True)

    def lines(self) -> Iterator[str]:
        """The table, with the ratio of the local server's figure to the emulator's."""
        yield f"{'':46}{'local':>12}{'emulator':>12}{'ratio':>9}"
        for name, figures in self._figures.items():
            ours, theirs = (figures.get(kind, "") for kind in FirestoreKind)
            ratio = ""
            if isinstance(ours, float) and isinstance(theirs, float) and theirs:
                ratio = f"{ours / theirs:.2f}"
            yield f"{name:46}{_shown(ours):>12}{_shown(theirs):>12}{ratio:>9}"


def _shown(figure: float | str) -> str:
    return figure if isinstance(figure, str) else f"{figure:,.{0 if figure >= 100 else 2}f}"


# --- servers ----------------------------------------------------------------------------------


@contextmanager
def serving(kind: FirestoreKind) -> Iterator[Server]:
    """A server of its own.

    Raises:
        CouldNotRun, EmulatorUnavailable: It does not start.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        if kind is FirestoreKind.EMULATOR:
            with FirestoreEmulator() as emulator:
                yield Server(emulator.host, _pid(emulator), None, time.monotonic() - began)
            return
        folder = Path(scratch, "documents")
        folder.mkdir()
        indexes = Path(scratch, "firestore.indexes.json")
        indexes.write_text(json.dumps(firestore_indexes()), encoding="utf-8")
        argv = [sys.executable, "-m", "local.firestore", "--indexes", str(indexes)]
        argv += ["--state", str(folder / "firestore.sqlite")]
        with Processes(Path(scratch)) as processes:
            child = processes.start("firestore", argv, env=os.environ, cwd=packaging.ROOT)
            host = child.announced()["grpc"]
            yield Server(host, child.pid, folder, time.monotonic() - began)


def _pid(running: LocalFirestore | FirestoreEmulator) -> int:
    if isinstance(running, LocalFirestore):
        return running._child.pid
    assert running._process is not None
    return running._process.pid


def client_of(host: str, patience: float) -> FirestoreDocuments:
    """The project's adapter, over the official client."""
    with mock.patch.dict("os.environ", FIRESTORE_EMULATOR_HOST=host):
        client = firestore.Client(project="demo-databases", database="(default)")
    return FirestoreDocuments(client, patience=patience)


# --- a sync -----------------------------------------------------------------------------------


def sync(kind: FirestoreKind, files: int, table: Table) -> None:
    """Sync a folder on a local stack, as the demonstration does."""
    options = StackOptions(tier=tier_named("tier3"), firestore=kind)
    with tempfile.TemporaryDirectory() as scratch, LocalStack(options) as stack:
        for number in range(files):
            Path(scratch, f"note {number:05}.md").write_text(f"# Note {number}\n", "utf-8")
        stack.mirror(Path(scratch))
        assert stack.firestore is not None
        pid = _pid(stack.firestore)
        deployment = Deployment(stack.urls.dispatcher, stack.urls.status)
        began = time.monotonic()
        batch = watch(deployment, deployment.start({})["batch_id"], PlainLines(sys.stderr))
        took, costs = time.monotonic() - began, costs_of(pid)
    about = f"a sync of {files:,} files: "
    if batch["indexed"] != files:
        table.add(kind, f"{about}seconds", f"{batch['indexed']} indexed")
        return
    table.add(kind, f"{about}seconds", took)
    table.add(kind, f"{about}CPU of the start and the sync", costs.cpu)
    table.add(kind, f"{about}memory, MB", costs.memory / MEGA)


# --- requests a second ------------------------------------------------------------------------


def rates(kind: FirestoreKind, requests: int, patience: float, table: Table) -> None:
    """Commit and query from several threads at once."""
    with serving(kind) as server, closing(client_of(server.host, patience)) as documents:
        table.add(kind, "start, seconds", server.started)
        table.add(kind, "memory after the start, MB", server.costs().memory / MEGA)
        record = pattern()

        def commit(number: int) -> None:
            path = f"{number}.md"
            documents.commit([Put(file_path(path), to_fields(replace(record, path=path)))])

        def query(number: int) -> None:
            documents.query(queries.records_in_range(f"{number}.md", "", 10))

        for name, call in (("commits", commit), ("queries of 10 records", query)):
            began, before = time.monotonic(), server.costs()
            with ThreadPoolExecutor(CLIENTS) as pool:
                list(pool.map(call, range(requests)))
            seconds, after = time.monotonic() - began, server.costs()
            table.add(kind, f"{name} a second", requests / seconds)
            table.add(kind, f"CPU of 1,000 {name}", (after.cpu - before.cpu) * 1000 / requests)


# --- many records -----------------------------------------------------------------------------


def pattern() -> FileRecord:
    """The record of an indexed file."""
    world = World(rules())
    world.bucket.put("a.md", b"# A file")
    world.sync()
    (record,) = world.files()
    return record


def many(kind: FirestoreKind, count: int, patience: float, table: Table) -> None:
    """Write records, and ask for them as the services do."""
    about = f"{count:,} records: "
    with serving(kind) as server, closing(client_of(server.host, patience)) as documents:

        def asked(name: str, call: Callable[[], int], expected: int) -> None:
            found, seconds, cpu = _measured(server, call)
            if found != expected:
                raise AssertionError(f"{kind}: {about}{name}: {found}, not {expected}")
            table.add(kind, f"{about}{name}, seconds", seconds)
            table.add(kind, f"{about}{name}, CPU", cpu)

        try:
            began, before = time.monotonic(), server.costs()
            _write(documents, count, began + patience)
            table.add(kind, f"{about}written, seconds", time.monotonic() - began)
            table.add(kind, f"{about}written, CPU", server.costs().cpu - before.cpu)
            few = -(-count // FEW)
            asked(
                "100 by status",
                lambda: len(documents.query(queries.with_status(FileStatus.FAILED, limit=100))),
                min(100, few),
            )
            asked(
                "a count",
                lambda: documents.count(queries.with_status(FileStatus.INDEXED)),
                count - few,
            )
            page = queries.records_in_range(_path(count // 2), "", PAGE)
            asked("a page of 1,000", lambda: len(documents.query(page)), min(PAGE, -(-count // 2)))
        except (GatewayError, GaveUp) as error:
            table.add(kind, f"{about}ended by", type(error).__name__)
            print(f"{kind.value}: {about}{error}", file=sys.stderr)
        table.add(kind, f"{about}memory, MB", server.costs().memory / MEGA)
        if server.folder is not None:
            disk = sum(each.stat().st_size for each in server.folder.iterdir())
            table.add(kind, f"{about}disk, MB", disk / MEGA)


def _measured(server: Server, call: Callable[[], int]) -> tuple[int, float, float]:
    """What a call returns, and its mean time and the server's CPU in seconds."""
    found = call()
    began, before = time.monotonic(), server.costs()
    for _ in range(REPEATED):
        call()
    seconds, after = time.monotonic() - began, server.costs()
    return found, seconds / REPEATED, (after.cpu - before.cpu) / REPEATED


def _path(number: int) -> str:
    return f"shelf {number // PAGE:03}/note {number:06}.md"


def _write(documents: FirestoreDocuments, count: int, deadline: float) -> None:
    indexed = pattern()
    failed = replace(indexed, status=FileStatus.FAILED)
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        records = [replace(indexed if n % FEW else failed, path=_path(n)) for n in numbers]
        documents.commit([Put(file_path(each.path), to_fields(each)) for each in records])
        if time.monotonic() > deadline:
            raise GaveUp(f"{numbers.stop:,} were written in time")


# --- the command ------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    add = parser.add_argument
    add("--server", choices=[*FirestoreKind], type=FirestoreKind, action="append")
    add("--files", type=int, nargs="*", default=[5, 500], help="files of each sync")
    add("--records", type=int, nargs="*", default=[20_000, 200_000])
    add("--requests", type=int, default=2_000, help="commits, and queries, of several threads")
    add("--patience", type=float, default=300, help="seconds for a request, or to write all")
    options = parser.parse_args(argv)
    table = Table()
    for kind in options.server or FirestoreKind:
        try:
            rates(kind, options.requests, options.patience, table)
            for count in options.records:
                many(kind, count, options.patience, table)
            for count in options.files:
                sync(kind, count, table)
        except (CouldNotRun, EmulatorUnavailable) as error:
            table.add(kind, "start, seconds", "none")
            print(f"{kind.value}: {error}", file=sys.stderr)
    print(*table.lines(), sep="\n")


if __name__ == "__main__":
    main()
