"""Runs the command as its users do: as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]

FSS = (sys.executable, "-m", "local.fss")


def fss(*words: object, **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run ``fss`` with these words; ``variables`` are added to the environment."""
    variables = settings.pop("variables", {})
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FSS_")}
    given = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
    return subprocess.run(
        [*FSS, *map(str, words)],
        env={**kept, **variables},
        text=True,
        timeout=PATIENCE,
        check=False,
        **given,
    )
