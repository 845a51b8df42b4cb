"""The entry point of `fss`; also `python -m local.fss`.

Needs nothing but an interpreter, so that a wrong one is told in one line.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence

COULD_NOT_RUN = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever calls it with another one is told so
        return _wrong(
            f"it is Python {sys.version_info[0]}.{sys.version_info[1]}, not 3.11 or newer"
        )
    try:
        from local.fss.entry import run_words  # noqa: PLC0415 - see above
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] in {"local", "shared"}:
            raise
        return _wrong(f"{missing.name} is not installed for it")
    atexit.register(gc.freeze)  # else the interpreter looks through all that is loaded as it ends
    return run_words(sys.argv[1:] if argv is None else argv)


def _wrong(why: str) -> int:
    print(
        f"fss: {sys.executable} can't run it: {why}. In a checkout: .venv/bin/fss, which "
        "make .venv/.ready installs; else: pipx install file-search-sync",
        file=sys.stderr,
    )
    return COULD_NOT_RUN


if __name__ == "__main__":
    sys.exit(main())
