from __future__ import annotations

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
