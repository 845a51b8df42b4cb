"""The wheel: a plain install talks to deployments, and one with the extra runs a whole stack."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
LIBRARIES = Path(sysconfig.get_paths()["purelib"])

PARTS = ("shared", "local", "functions", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the sources, since a build leaves files among them."""
    copy = tmp_path_factory.mktemp("sources")
    for part in PARTS:
        source = ROOT / part
        ignored = shutil.ignore_patterns("__pycache__")
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=ignored)
        else:
            shutil.copy(source, copy / part)
    shutil.copytree(ROOT / "terraform" / "modules", copy / "terraform" / "modules")
    words = ["pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", "made", "."]
    subprocess.run([sys.executable, "-m", *words], cwd=copy, check=True, capture_output=True)
    (made,) = (copy / "made").glob("*.whl")
    return made


def needed(extra: str | None) -> set[str]:
    """The libraries of the project itself, by name, without or with an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    given = [*project["dependencies"], *(project["optional-dependencies"][extra] if extra else ())]
    return {re.split(r"[\[<>=~ ]", each)[0].lower() for each in given}


def closure(names: set[str]) -> set[str]:
    """These libraries and all that they need, of those that are installed here."""
    found: set[str] = set()
    while names:
        name = names.pop()
        if name in found:
            continue
        found.add(name)
        for line in Distribution.from_name(name).requires or ():
            if "extra ==" not in line and "extra==" not in line:
                other = re.split(r"[\[<>=~!; (]", line)[0].lower()
                try:
                    Distribution.from_name(other)
                except ModuleNotFoundError:
                    continue  # of another system
                names.add(other)
    return found


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """``fss`` in a virtual environment that has the wheel, and none of what it needs."""
    venv.create(tmp_path / "venv", with_pip=False)
    site = next((tmp_path / "venv" / "lib").iterdir()) / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    python = tmp_path / "venv" / "bin" / "python"
    fss = tmp_path / "venv" / "bin" / "fss"
    fss.write_text(
        f"#!{python}\nimport sys\nfrom local.fss.__main__ import main\nsys.exit(main())\n"
    )
    fss.chmod(0o755)
    return fss


def site_of(fss: Path) -> Path:
    return next((fss.parents[1] / "lib").iterdir()) / "site-packages"


def with_libraries(fss: Path, names: set[str]) -> Path:
    """Link these libraries into the environment."""
    for name in closure(names):
        for file in Distribution.from_name(name).files or ():
            top = Path(str(file)).parts[0]
            link = site_of(fss) / top
            if top not in {"..", "google"} and not link.exists():
                link.symlink_to(LIBRARIES / top)
    return fss


def ran(fss: Path, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FSS_")}
    return subprocess.run(
        [fss, *map(str, words)], cwd=cwd, env={**kept, "PYTHONPATH": ""},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def test_a_plain_install_talks_to_deployments_and_says_what_to_install_for_the_rest(
    installed: Path, tmp_path: Path
) -> None:
    fss = with_libraries(installed, needed(None))
    assert ran(fss, "--help", cwd=tmp_path).returncode == 0
    assert ran(fss, "--version", cwd=tmp_path).returncode == 0
    asked = ran(fss, "status", "--status", "http://127.0.0.1:9", cwd=tmp_path)
    assert (asked.returncode, asked.stderr.count("\n")) == (4, 1)
    assert "nothing listens there" in asked.stderr
    for command in ("local", "up"):
        refused = ran(fss, command, tmp_path, cwd=tmp_path)
        assert refused.returncode == 4
        assert refused.stderr.count("\n") == 1
        assert "pipx install 'file-search-sync[local]'" in refused.stderr


def test_a_plain_install_needs_neither_googles_clients_nor_a_web_server() -> None:
    heavy = {"google-cloud-firestore", "google-genai", "flask", "aiohttp", "grpcio", "pydantic"}
    assert closure(needed(None)) & heavy == set()


def test_an_install_with_the_extra_syncs_a_folder_outside_a_checkout(
    installed: Path, tmp_path: Path
) -> None:
    (site_of(installed) / "libraries.pth").write_text(f"{LIBRARIES}\n")
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text("alpha")

    done = ran(installed, "local", folder, "--time-scale", "20", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    assert (summary["status"], summary["indexed"]) == ("completed", 1)
