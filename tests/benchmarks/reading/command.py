"""The CPU time of commands that talk to a deployment."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
RUNS = 5

LINES = ("--version", "--help", "sync --help", "status", "local --help")
"""`status` finds nobody who answers; `local --help` loads the stack's options."""


def cpu_ms(*words: str) -> float:
    """Milliseconds of Python with these arguments, the mean of a few runs."""
    environment = {**os.environ, "FSS_STATUS_URL": "http://127.0.0.1:9"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(RUNS):
        subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, check=False
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / RUNS * 1000
