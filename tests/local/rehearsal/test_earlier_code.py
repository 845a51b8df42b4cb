from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import pytest

from local.packaging import FUNCTIONS, ROOT, build
from local.rehearsal.library import earlier_code as earlier_code_module
from local.rehearsal.library.earlier_code import NoSuchCommit, earlier_code


@pytest.fixture
def packages(tmp_path: Path) -> dict[str, Path]:
    return {name: each.path for name, each in build(tmp_path / "now").items()}


def test_the_earlier_version_differs_and_has_every_function(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    earlier = earlier_code(packages, tmp_path)
    assert earlier.packages.keys() == packages.keys()
    differing = [
        name
        for name in packages
        if earlier.packages[name].read_bytes() != packages[name].read_bytes()
    ]
    assert differing


def test_the_earlier_version_is_of_the_main_line(
    packages: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository whose branch has a half-done commit, and whose main line goes on."""
    repository = tmp_path / "repository"
    git = Repository(repository)
    git.commit("released", "first")
    released = git.commit("released", "second")
    git.run("switch", "-q", "-c", "branch")
    git.commit("half done", "third")
    git.commit("done", "fourth")
    git.run("switch", "-q", "main")
    git.commit("later on main", "fifth")
    git.run("switch", "-q", "branch")
    monkeypatch.setattr(earlier_code_module, "ROOT", repository)

    assert earlier_code(packages, tmp_path / "branch").commit == released
    git.run("branch", "-q", "-D", "main")
    assert earlier_code(packages, tmp_path / "alone").commit == git.run("rev-parse", "branch")


class Repository:
    """A repository with functions that differ from commit to commit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in FUNCTIONS:
            (folder / "functions" / name).mkdir(parents=True)
            (folder / "functions" / name / "requirements.txt").touch()
        (folder / "shared").mkdir()
        self.run("init", "-q", "-b", "main")

    def run(self, *words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        done = subprocess.run(
            ["git", "-C", str(self.folder), *who, *words],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str, text: str) -> str:
        (self.folder / "shared" / "a.py").write_text(f"# {text}\n")
        for name in FUNCTIONS:
            (self.folder / "functions" / name / "main.py").write_text(f"# {text}\n")
        self.run("add", "--all")
        self.run("commit", "-q", "-m", message)
        return self.run("rev-parse", "HEAD")


def test_without_a_history_the_same_code_is_built_anew(
    packages: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier_code_module, "_git", lambda *_: None)
    earlier = earlier_code(packages, tmp_path)
    assert earlier.name == "the same code, built anew"
    for name in FUNCTIONS:
        with zipfile.ZipFile(earlier.packages[name]) as archive:
            text = archive.read("main.py").decode()
        assert text.startswith((ROOT / "functions" / name / "main.py").read_text(encoding="utf-8"))
        assert text.endswith("\n# Built by the rehearsal.\n")


@pytest.mark.parametrize("commit", ["no-such-commit", "--output=x", "HEAD:README.md"])
def test_a_commit_that_is_none_is_named(
    packages: dict[str, Path], tmp_path: Path, commit: str
) -> None:
    with pytest.raises(NoSuchCommit, match="no commit"):
        earlier_code(packages, tmp_path, commit)


def test_a_function_that_the_earlier_version_lacks_keeps_its_zip(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    packages["later"] = tmp_path / "later.zip"
    packages["later"].write_bytes(b"zip")
    assert earlier_code(packages, tmp_path).packages["later"] == packages["later"]
