"""Step before the apply: records that this commit is the last one whose apply began.

It is recorded before and not after: an apply that fails half-way has changed something. The record
replaces exactly the one that was checked, so of two builds that were approved at once one stops.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from steps.fetch import RECORD_GENERATION
from steps.google_api import Google, Refused
from steps.lineage import record_apply


def begin(google: Google, environment: Mapping[str, str], folder: Path) -> str:
    """Write the record.

    Raises:
        Refused: Another apply began since this one was checked.
    """
    plan = {
        name.lower(): environment[name]
        for name in ("COMMIT", "OBJECT", "GENERATION", "SHA256", "BUILD")
    }
    replacing = int((folder / RECORD_GENERATION).read_text())
    record_apply(google, environment["PLANS_BUCKET"], plan, replacing)
    return f"The apply of {plan['commit']} begins."


if __name__ == "__main__":
    try:
        print(begin(Google(), os.environ, Path.cwd()))
    except (Refused, OSError) as error:
        sys.exit(str(error))
