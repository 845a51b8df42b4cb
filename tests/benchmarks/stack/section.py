"""A sync on the local stack, in real time, beside a script that imports the same files."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from local.fss.deployment.client import Deployment
from local.fss.report.progress import PlainLines
from local.fss.sync import watch
from local.stack.local_stack import LocalStack
from local.stack.options import StackOptions
from shared.domain.throttle.tiers import tier_named
from tests.benchmarks.process_costs import costs_of
from tests.benchmarks.report.figures import Figure, Section, Size

FILES: Mapping[Size, tuple[int, int]] = {
    Size.SMOKE: (3, 1),
    Size.USUAL: (150, 35),
    Size.FULL: (3_000, 350),
}
"""Files of the sync, and of the script, which would take hours for as many."""

TIME_SCALE: Mapping[Size, float] = {Size.SMOKE: 20.0, Size.USUAL: 1.0, Size.FULL: 1.0}


def section(size: Size) -> Section:
    """Sync, and run the script, one after the other on the same stack."""
    files, few = FILES[size]
    options = StackOptions(tier=tier_named("tier3"), time_scale=TIME_SCALE[size])
    with tempfile.TemporaryDirectory() as scratch, LocalStack(options) as stack:
        for number in range(files):
            Path(scratch, f"note {number:05}.md").write_text(f"# Note {number}\n", "utf-8")
        mine = _sync(stack, Path(scratch), files)
        for number in range(few, files):
            Path(scratch, f"note {number:05}.md").unlink()
        script = _script(str(stack.urls.gemini), Path(scratch), 5 / options.time_scale)
    title = f"A sync of {files:,} small files on the local stack, tier3, real time"
    return Section("stack", title, tuple(_figures(files, few, mine, script)))


def _sync(stack: LocalStack, folder: Path, files: int) -> tuple[float, float]:
    """Seconds of a sync, and those of the functions' CPU."""
    stack.mirror(folder)
    deployment = Deployment(stack.urls.dispatcher, stack.urls.status)
    pids = [function.child.pid for function in stack.functions.values()]
    before, began = sum(costs_of(pid).cpu for pid in pids), time.monotonic()
    with Path(folder).with_suffix(".log").open("w") as log:
        batch = watch(deployment, deployment.start({})["batch_id"], PlainLines(log))
    if batch["indexed"] != files:
        raise AssertionError(f"{batch['indexed']} of {files} files are indexed")
    return time.monotonic() - began, sum(costs_of(pid).cpu for pid in pids) - before


def _script(url: str, folder: Path, poll: float) -> tuple[float, float]:
    """The same of the script, which looks every ``poll`` seconds."""
    module = [sys.executable, "-m", "tests.benchmarks.stack.script"]
    done = subprocess.run(
        [*module, url, str(folder), "--poll", str(poll)],
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(done.stdout)
    return told["seconds"], told["cpu"]


def _figures(
    files: int, few: int, mine: tuple[float, float], script: tuple[float, float]
) -> Iterator[Figure]:
    note = f"the script: of {few:,} files"
    for name, ours, theirs in zip(("wall", "CPU"), mine, script, strict=True):
        others = {"script": theirs / few * 1000}
        yield Figure(
            f"{name} of each file",
            ours / files * 1000,
            "ms",
            None,
            others,
            is_exact=False,
            note=note,
        )
