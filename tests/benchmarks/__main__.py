"""``python -m tests.benchmarks``: measures, and prints one table.

JSON and pictures are written into a folder. Figures are compared with those in ``docs/bench.json``,
which ``--keep`` replaces.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.objects import section as objects
from tests.benchmarks.price import section as price
from tests.benchmarks.quota import lateness, pacing, settings
from tests.benchmarks.quota import section as quota
from tests.benchmarks.reading import section as reading
from tests.benchmarks.report import stored, table
from tests.benchmarks.report.figures import Measurement, Section, Size
from tests.benchmarks.scale import section as scale
from tests.benchmarks.stack import section as stack
from tests.benchmarks.starts import section as starts

MEASUREMENTS: Mapping[str, Measurement] = {
    "quota": quota.section,
    "settings": settings.section,
    "price": price.section,
    "objects": objects.section,
    "starts": starts.section,
    "scale": scale.section,
    "stack": stack.section,
    "lateness": lateness.section,
    "pacing": pacing.section,
    "reading": reading.section,
}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    add = parser.add_argument
    add("names", nargs="*", choices=[[], *MEASUREMENTS], default=[], help="default: all")
    add("--size", type=Size, choices=[*Size], default=Size.USUAL)
    add("--out", type=Path, default=Path("build/bench"), help="folder for JSON and pictures")
    add("--keep", action="store_true", help="make these the figures in docs/bench.json")
    options = parser.parse_args(argv)
    sections = [_measured(name, options.size) for name in options.names or MEASUREMENTS]
    print(*table.lines(sections, stored.values()), sep="\n")
    _write(sections, options.size, options.out)
    if options.keep:
        stored.kept(sections, options.size)


def _measured(name: str, size: Size) -> Section:
    print(f"measuring {name} ...", file=sys.stderr, end=" ", flush=True)
    began = time.monotonic()
    section = MEASUREMENTS[name](size)
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return section


def _write(sections: Sequence[Section], size: Size, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(stored.as_json(sections, size), "utf-8")
    (folder / "bench.txt").write_text("\n".join(table.lines(sections, stored.values())) + "\n")
    for section in sections:
        for name, picture in section.pictures.items():
            (folder / f"{section.name}-{name}.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    logging.disable()
    main()
