from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from local.packaging import FUNCTIONS, ROOT, build

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "functions/dispatcher/main.py": "import shared\n",
    "functions/dispatcher/requirements.in": "pydantic\n",
    "functions/dispatcher/requirements.txt": "pydantic==2.14.3\n",
    "shared/__init__.py": "",
    "shared/tiers.json": "{}\n",
    "shared/domain/__init__.py": "",
    "shared/domain/file/record.py": "SIZE = 1\n",
    "shared/web/page.html": "<p>\n",
}

CLIENTS = {
    "google-cloud-storage": "google.cloud.storage",
    "google-cloud-tasks": "google.cloud.tasks_v2",
    "google-genai": "google.genai",
}

# The imports alone: the rest of main.py wants a configuration.
IMPORT_AS_MAIN_DOES = """
import ast, sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))
main = ast.parse(open("main.py").read())
main.body = [part for part in main.body if isinstance(part, ast.Import | ast.ImportFrom)]
exec(compile(main, "main.py", "exec"))
import shared
print(shared.__file__)
print(*sorted({name.split(".")[2] for name in sys.modules if name.startswith("shared.services.")}))
"""

ONLY_OF_OTHERS = {
    "dispatcher": {"ask", "looks", "report", "worker"},
    "upload": {"ask", "batch", "reconcile", "report", "scan"},
    "status": {"ask", "batch", "context", "lease", "looks", "reconcile", "scan", "worker"},
    "ask": {"batch", "context", "lease", "looks", "reconcile", "report", "scan", "worker"},
}
"""Rooms of the services that a function doesn't use."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    return write(tmp_path / "checkout")


def write(root: Path) -> Path:
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def sha256(root: Path) -> str:
    return build(root / "build", ["dispatcher"], root=root)["dispatcher"].sha256


def names(root: Path) -> list[str]:
    package = build(root / "build", ["dispatcher"], root=root)["dispatcher"]
    with zipfile.ZipFile(package.path) as archive:
        return archive.namelist()


def test_a_package_holds_main_requirements_and_shared_at_its_root_in_order(checkout: Path) -> None:
    assert names(checkout) == [
        "main.py",
        "requirements.txt",
        "shared/__init__.py",
        "shared/domain/__init__.py",
        "shared/domain/file/record.py",
        "shared/tiers.json",
        "shared/web/page.html",
    ]


def test_copies_of_a_tree_at_other_paths_times_and_modes_give_the_same_bytes(
    checkout: Path, tmp_path: Path
) -> None:
    copy = write(tmp_path / "elsewhere" / "copy")
    for file in copy.rglob("*.py"):
        os.utime(file, (0, 0))
        file.chmod(0o755)
    assert sha256(copy) == sha256(checkout)


def test_building_again_into_the_same_place_gives_the_same_bytes(checkout: Path) -> None:
    assert sha256(checkout) == sha256(checkout)


def test_what_python_and_editors_leave_behind_is_left_out(checkout: Path) -> None:
    before = sha256(checkout)
    (checkout / "shared/domain/__pycache__").mkdir()
    (checkout / "shared/domain/__pycache__/files.cpython-311.pyc").write_bytes(b"\0")
    (checkout / "shared/domain/.files.py.swp").write_bytes(b"\0")
    assert sha256(checkout) == before


@pytest.mark.parametrize(
    "name", ["functions/dispatcher/main.py", "shared/domain/file/record.py", "shared/tiers.json"]
)
def test_a_changed_file_changes_the_hash(checkout: Path, name: str) -> None:
    before = sha256(checkout)
    (checkout / name).write_text("# changed\n")
    assert sha256(checkout) != before


def test_a_renamed_file_changes_the_hash(checkout: Path) -> None:
    before = sha256(checkout)
    (checkout / "shared/domain/file/record.py").rename(checkout / "shared/domain/objects.py")
    assert sha256(checkout) != before


def test_a_file_of_an_unknown_kind_is_refused_rather_than_forgotten(checkout: Path) -> None:
    (checkout / "shared/prices.csv").write_text("1\n")
    with pytest.raises(ValueError, match=r"prices\.csv"):
        sha256(checkout)


def test_a_function_without_its_lock_is_refused(checkout: Path) -> None:
    (checkout / "functions/dispatcher/requirements.txt").unlink()
    with pytest.raises(FileNotFoundError):
        sha256(checkout)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_all_that_a_function_imports_is_in_its_package_and_its_lock(
    function: str, tmp_path: Path
) -> None:
    package = build(tmp_path, [function])[function]
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(unpacked)
    lock = (unpacked / "requirements.txt").read_text()
    absent = [module for name, module in CLIENTS.items() if f"{name}==" not in lock]
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT_AS_MAIN_DOES, *absent],
        cwd=unpacked,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    where, rooms = answer.stdout.splitlines()
    assert where == str(unpacked / "shared" / "__init__.py")
    assert ONLY_OF_OTHERS[function].isdisjoint(rooms.split()), "a start loads what it doesn't use"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_deployed_names_the_tests(function: str, tmp_path: Path) -> None:
    package = build(tmp_path, [function])[function]
    with zipfile.ZipFile(package.path) as archive:
        for name in archive.namelist():
            assert b"tests." not in archive.read(name), name


def test_two_copies_of_this_checkout_give_the_same_packages(tmp_path: Path) -> None:
    for part in ("functions", "shared"):
        shutil.copytree(ROOT / part, tmp_path / "copy" / part)
    here = build(tmp_path / "here")
    there = build(tmp_path / "there", root=tmp_path / "copy")
    assert {name: package.sha256 for name, package in here.items()} == {
        name: package.sha256 for name, package in there.items()
    }
