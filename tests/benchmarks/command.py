"""`python -m tests.benchmarks.command`: the CPU time of commands that talk to a deployment."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNS = 5

LINES = ("--version", "--help", "sync --help", "status", "local --help")
"""`status` finds nobody who answers; `local --help` loads the stack's options."""


def main() -> None:
    """Print the CPU time of each, as the mean of a few runs, beside that of Python itself."""
    print(f"{'command':<18}{'CPU ms':>8}")
    print(f"{'python -c pass':<18}{_cpu_ms('-c', 'pass'):>8.0f}")
    for line in LINES:
        print(f"{'fss ' + line:<18}{_cpu_ms('-m', 'local.fss', *line.split()):>8.0f}")


def _cpu_ms(*words: str) -> float:
    environment = {**os.environ, "FSS_STATUS_URL": "http://127.0.0.1:9"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(RUNS):
        subprocess.run(
            [sys.executable, *words], cwd=ROOT, env=environment, capture_output=True, check=False
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / RUNS * 1000


if __name__ == "__main__":
    main()
