"""One plan with everything that its apply needs, as one object of the bucket of the plans.

A plan names the functions' zips, and fits one configuration and one version of the provider. So
these are kept together, and the apply needs neither the repository nor a second build of the zips.
"""

from __future__ import annotations

import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from steps.google_api import Refused

TEXT = "plan.txt"
PLAN = "plan.tfplan"
COMMIT_FILE = "commit"
ANCESTORS = "ancestors"

PARTS = (PLAN, COMMIT_FILE, ANCESTORS, "terraform", "shared/*.json", "build/*.zip")
"""Files and folders below the checkout, as globs."""

LEFT_OUT = {".terraform", "__pycache__"}

NAME = re.compile(r"plans/[0-9a-f]{40}/[0-9A-Za-z-]{1,64}/bundle\.tar\.gz")


def name_of(commit: str, build: str) -> str:
    """Name of a build's bundle; no two builds share one."""
    return f"plans/{commit}/{build}/bundle.tar.gz"


def text_beside(bundle: str) -> str:
    """Name of the object with the plan's text, for the bundle of this name."""
    return f"{bundle.rpartition('/')[0]}/{TEXT}"


def address_of(bucket: str, name: str) -> str:
    """Where a person who may read the bucket reads an object in a browser."""
    return f"https://storage.cloud.google.com/{bucket}/{name}"


def summary_of(text: str) -> str:
    """Terraform's own summary, a line of the plan's text."""
    lines = (line for line in text.splitlines() if line.startswith("Plan: "))
    return next(lines, "Plan: outputs only.")


def pack(folder: Path) -> bytes:
    """Pack the parts of a checkout; the same files make the same bytes.

    Raises:
        Refused: A part is missing.
    """
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for part in PARTS:
            files = sorted(_files(folder, part))
            if not files:
                raise Refused(f"the plan's build made no {part}")
            for file in files:
                _add(archive, file, file.relative_to(folder).as_posix())
    return gzip.compress(tar.getvalue(), mtime=0)


def unpack(content: bytes, folder: Path) -> None:
    """Unpack below `folder`, and nothing outside it.

    Raises:
        Refused: The content is no bundle, or has a link or a path that leads out.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            members = archive.getmembers()
            if not all(each.isreg() for each in members):
                raise Refused("the bundle has something beside files")
            archive.extractall(folder, members, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Refused(f"the bundle can't be unpacked: {error}") from None


def _files(folder: Path, part: str) -> Iterator[Path]:
    for found in folder.glob(part):
        for file in found.rglob("*") if found.is_dir() else (found,):
            if file.is_file() and not LEFT_OUT & {*file.relative_to(folder).parts}:
                yield file


def _add(archive: tarfile.TarFile, file: Path, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = file.stat().st_size
    entry.mode = 0o644
    with file.open("rb") as content:
        archive.addfile(entry, content)
