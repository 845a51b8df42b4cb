"""How long each function takes to its first answer, and what it holds then, beside a bare one.

A function is started as Cloud Run would start it: from its zip, by the functions framework and its
server, with the planned number of threads. Modules are compiled, as by an earlier start.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local.packaging import build
from local.processes.children import Processes, answers
from local.processes.ports import HOST, free_ports, loopback
from tests.benchmarks.process_costs import costs_of
from tests.functions.framework_app import SETTINGS

BARE = "bare"

_SOURCE = """
import functions_framework

@functions_framework.http
def main(request):
    return {"path": request.path}
"""

_ENVIRONMENT = {
    **SETTINGS,
    "FIRESTORE_EMULATOR_HOST": loopback(1),  # nobody; where the client asks for no credentials
    "THREADS": "4",
    "WORKERS": "1",
}


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds and seconds of CPU until the first answer, and bytes of memory after it."""

    seconds: float
    cpu: float
    memory: int


def starts(functions: Sequence[str], runs: int) -> Mapping[str, Start]:
    """The medians of so many starts of each function, in turns; no runs: of those that compile."""
    found: dict[str, list[Start]] = {name: [] for name in (BARE, *functions)}
    with tempfile.TemporaryDirectory() as scratch:
        folders = _folders(Path(scratch), functions)
        for run in range(runs + 1):
            for name, folder in folders.items():
                start = _start(name, folder)
                if run or not runs:  # the first one compiles the modules
                    found[name].append(start)
    return {
        name: Start(
            median(each.seconds for each in of),
            median(each.cpu for each in of),
            int(median(each.memory for each in of)),
        )
        for name, of in found.items()
    }


def _folders(scratch: Path, functions: Sequence[str]) -> dict[str, Path]:
    folders = {name: scratch / name for name in (BARE, *functions)}
    folders[BARE].mkdir()
    (folders[BARE] / "main.py").write_text(_SOURCE)
    for name, package in build(scratch / "zips", functions).items():
        with zipfile.ZipFile(package.path) as archive:
            archive.extractall(folders[name])
    return folders


def _start(name: str, folder: Path) -> Start:
    (port,) = free_ports(1)
    argv = [sys.executable, "-m", "functions_framework", "--target", "main"]
    argv += ["--source", str(folder / "main.py"), "--host", HOST, "--port", str(port)]
    with Processes(folder) as processes:
        began = time.perf_counter()
        child = processes.start(
            name, argv, env={"PATH": os.environ["PATH"], **_ENVIRONMENT}, cwd=folder
        )
        child.wait_until(lambda: answers(f"http://{loopback(port)}/nothing"))
        seconds, costs = time.perf_counter() - began, costs_of(child.pid)
    return Start(seconds, costs.cpu, costs.memory)
