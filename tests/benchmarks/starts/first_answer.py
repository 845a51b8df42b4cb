"""How long each function takes to its first answer, and what it holds then, beside a bare one.

A function is started as Cloud Run would start it: from its zip, with nothing but its own packages,
compiled as the build does, by the functions framework and its server.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from local.packaging import ROOT, build
from local.processes.children import Processes, answers
from local.processes.ports import HOST, free_ports, loopback
from tests.benchmarks.process_costs import costs_of
from tests.functions.framework_app import SETTINGS
from tests.packaging.as_built import BUILD_VARIABLES, python_with, unpack

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


@dataclass(frozen=True, slots=True)
class _Built:
    """A function's folder, and the interpreter that has its packages."""

    folder: Path
    python: str | Path


def starts(functions: Sequence[str], runs: int) -> Mapping[str, Start]:
    """The medians of so many starts of each function, in turns, after one that doesn't count.

    No runs: the one start of each, with the packages of this interpreter.
    """
    found: dict[str, list[Start]] = {name: [] for name in (BARE, *functions)}
    with tempfile.TemporaryDirectory() as scratch:
        built = _build(Path(scratch), functions, has_own_packages=runs > 0)
        for run in range(runs + 1):
            for name, each in built.items():
                start = _start(name, each)
                if run or not runs:  # the first one brings the files into the page cache
                    found[name].append(start)
    return {
        name: Start(
            median(each.seconds for each in of),
            median(each.cpu for each in of),
            int(median(each.memory for each in of)),
        )
        for name, of in found.items()
    }


def _build(scratch: Path, functions: Sequence[str], *, has_own_packages: bool) -> dict[str, _Built]:
    """The functions, and a bare one with the packages of the first."""
    built: dict[str, _Built] = {}
    for name, package in build(scratch / "zips", functions).items():
        python: str | Path = sys.executable
        if has_own_packages:
            python = python_with(ROOT / "functions" / name / "requirements.txt", scratch)
        folder = unpack(package.path, scratch / name, python, BUILD_VARIABLES)
        built[name] = _Built(folder, python)
    bare = scratch / BARE
    bare.mkdir()
    (bare / "main.py").write_text(_SOURCE)
    return {BARE: _Built(bare, built[functions[0]].python), **built}


def _start(name: str, built: _Built) -> Start:
    (port,) = free_ports(1)
    argv = [str(built.python), "-m", "functions_framework", "--target", "main"]
    argv += ["--source", str(built.folder / "main.py"), "--host", HOST, "--port", str(port)]
    with Processes(built.folder) as processes:
        began = time.perf_counter()
        child = processes.start(
            name, argv, env={"PATH": os.environ["PATH"], **_ENVIRONMENT}, cwd=built.folder
        )
        child.wait_until(lambda: answers(f"http://{loopback(port)}/nothing"))
        seconds, costs = time.perf_counter() - began, costs_of(child.pid)
    return Start(seconds, costs.cpu, costs.memory)
