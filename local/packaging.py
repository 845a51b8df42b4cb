"""Builds the deployable zips, one per function; the same sources always give the same bytes.

Each zip has `main.py`, `requirements.txt` and `shared/` at its root, because functions-framework
puts only the folder of main.py on the path. Entries are sorted, dated 1980 and stored uncompressed,
because the output of deflate differs between versions of zlib.
"""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).parents[1]

FUNCTIONS = ("dispatcher", "upload", "status", "ask")

_KINDS = frozenset({".css", ".html", ".js", ".json", ".py", ".svg", ".typed", ".yaml"})
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
_UNIX = 3
_MODE = 0o100644  # a regular file, rw-r--r--


@dataclass(frozen=True, slots=True)
class Package:
    """One built zip."""

    path: Path
    sha256: str
    size: int
    """Bytes."""


def build(
    destination: Path, functions: Sequence[str] = FUNCTIONS, *, root: Path = ROOT
) -> dict[str, Package]:
    """Write `<function>.zip` into `destination` for each function of the checkout at `root`.

    Raises:
        FileNotFoundError: A function has no main.py or requirements.txt, or shared is missing.
        ValueError: shared holds a file of a type that is not known to be deployed.
    """
    destination.mkdir(parents=True, exist_ok=True)
    return {function: _build(destination, function, root) for function in functions}


def _build(destination: Path, function: str, root: Path) -> Package:
    path = destination / f"{function}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, source in sorted(_contents(function, root)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            archive.writestr(entry, source.read_bytes())
    content = path.read_bytes()
    return Package(path, hashlib.sha256(content).hexdigest(), len(content))


def _contents(function: str, root: Path) -> Iterator[tuple[str, Path]]:
    """Yield each entry's name in the zip, and the file that holds its content."""
    for name in ("main.py", "requirements.txt"):
        yield name, root / "functions" / function / name
    shared = root / "shared"
    if not shared.is_dir():
        raise FileNotFoundError(shared)
    for file in shared.rglob("*"):
        parts = file.relative_to(root).parts
        if file.is_dir() or any(part == "__pycache__" or part[0] == "." for part in parts):
            continue
        if file.suffix not in _KINDS:
            raise ValueError(
                f"{file}: packaging does not know whether {file.suffix} files are deployed"
            )
        yield "/".join(parts), file


def main() -> None:
    """Build every function's zip and print name, size and sha256."""
    parser = argparse.ArgumentParser(description=build.__doc__)
    parser.add_argument("destination", nargs="?", type=Path, default=ROOT / "build")
    for package in build(parser.parse_args().destination).values():
        print(f"{package.path}  {package.size:,} bytes  sha256 {package.sha256}")


if __name__ == "__main__":
    main()
