"""The functions' zips of an earlier version, to upgrade from and to roll back to."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.packaging import FUNCTIONS, ROOT, build

SEARCHED = 50
"""How many commits are searched for one whose zips differ from today's."""

_DEPLOYED = ("functions", "shared")
_MAIN_LINES = ("main", "origin/main")


class NoSuchCommit(Exception):
    """The history has no such commit, or nothing that could be deployed in it."""


@dataclass(frozen=True, slots=True)
class EarlierCode:
    """The zips of an earlier version.

    Attributes:
        commit: The commit that they were built from; None if they are of this version, with a
            comment added, because there is no history to take them from.
        packages: The zip of each function.
    """

    commit: str | None
    packages: Mapping[str, Path]

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return f"the code of {self.commit[:7]}" if self.commit else "the same code, built anew"


def earlier_code(
    packages: Mapping[str, Path], destination: Path, commit: str | None = None
) -> EarlierCode:
    """Build the zips of an earlier version of this checkout.

    A function that the earlier version doesn't have keeps today's zip.

    Args:
        packages: The zips of this version.
        destination: The folder for the zips.
        commit: The version; None for the latest commit whose zips differ from these.

    Raises:
        NoSuchCommit: ``commit`` was given, and can't be built.
    """
    if commit is not None:
        found = _built(_commit_id(commit), packages, destination)
        if found is None:
            raise NoSuchCommit(f"{commit} has no functions that could be deployed")
        return found
    for each in _commits():
        found = _built(each, packages, destination)
        if found is not None and _differ(found.packages, packages):
            return found
    return EarlierCode(None, _marked(packages, destination))


def _built(commit: str, packages: Mapping[str, Path], destination: Path) -> EarlierCode | None:
    """Build a commit's zips; None if it has nothing to deploy."""
    folder = destination / commit
    with tempfile.TemporaryDirectory(prefix="fss-earlier-") as scratch:
        archive = Path(scratch) / "code.tar"
        if _git("archive", "--output", str(archive), commit, *_DEPLOYED) is None:
            return None
        shutil.unpack_archive(archive, scratch, filter="data")
        had = [name for name in FUNCTIONS if (Path(scratch) / "functions" / name).is_dir()]
        try:
            built = build(folder, had, root=Path(scratch))
        except (OSError, ValueError):
            return None
    return EarlierCode(commit, {**packages, **{name: each.path for name, each in built.items()}})


def _marked(packages: Mapping[str, Path], destination: Path) -> dict[str, Path]:
    """Build this version once more with a comment at the end of each main.py."""
    with tempfile.TemporaryDirectory(prefix="fss-earlier-") as scratch:
        root = Path(scratch)
        for part in _DEPLOYED:
            shutil.copytree(ROOT / part, root / part)
        for name in packages:
            with (root / "functions" / name / "main.py").open("a", encoding="utf-8") as main:
                main.write("\n# Built by the rehearsal.\n")
        built = build(destination / "marked", tuple(packages), root=root)
    return {name: each.path for name, each in built.items()}


def _differ(some: Mapping[str, Path], others: Mapping[str, Path]) -> bool:
    return any(some[name].read_bytes() != others[name].read_bytes() for name in others)


def _commits() -> Iterator[str]:
    """Yield the latest commits that changed what is deployed, newest first.

    On a branch they are those of the main line: a branch's own may be half done.
    """
    heads = (_git("merge-base", "HEAD", line) for line in _MAIN_LINES)
    newest = next((head.strip() for head in heads if head), "HEAD")
    most = f"--max-count={SEARCHED}"
    listed = _git("log", most, "--first-parent", "--format=%H", newest, "--", *_DEPLOYED)
    yield from (listed or "").split()


def _commit_id(commit: str) -> str:
    found = _git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    if found is None:
        raise NoSuchCommit(f"this clone has no commit {commit}: fetch the whole history")
    return found.strip()


def _git(*words: str) -> str | None:
    """Run git in this checkout; None if it fails, or isn't installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout
