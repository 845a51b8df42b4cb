"""The shared stack, by way of the fixtures that other tests use."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from local import packaging
from local.fss.deployment.http import fetched
from local.processes.children import CouldNotRun, Processes
from local.processes.ports import free_ports
from local.stack.firestore import EMBEDDED_DATA
from local.stack.function_host import Function, threads_for, unpack
from local.stack.local_stack import IMPORTED, LocalStack
from local.stack.options import FirestoreKind, StackOptions
from shared.domain.throttle.tiers import tier_named
from tests.emulator import needs_emulator
from tests.stack import TIME_SCALE, Shelf, local_stack, shelf, shelf_of

__all__ = ["local_stack", "needs_emulator", "shelf"]

SHOW = """
import json, os, sys
def main(request):
    return json.dumps({"environment": dict(os.environ), "path": sys.path, "cwd": os.getcwd()})
"""


def test_a_shelf_is_synced_and_then_unchanged(shelf: Shelf) -> None:
    shelf.put("a.md")
    shelf.put("b 日本.md", b"more text")
    first = shelf.sync()
    assert (first["new"], first["indexed"], first["requests"]["metered"]) == (2, 2, 4)
    again = shelf.sync()
    assert (again["unchanged"], again["requests"]["metered"]) == (2, 0)


@pytest.mark.usefixtures("needs_emulator")
def test_a_stack_on_the_emulator_syncs_alike() -> None:
    options = StackOptions(
        tier=tier_named("tier3"), time_scale=TIME_SCALE, firestore=FirestoreKind.EMULATOR
    )
    with LocalStack(options) as stack, shelf_of(stack) as shelf:
        shelf.put("a.md")
        assert shelf.sync()["indexed"] == 1
        assert shelf.sync()["unchanged"] == 1


def test_a_state_keeps_the_kind_of_firestore_that_it_has(tmp_path: Path) -> None:
    (tmp_path / "lock").touch()
    (tmp_path / EMBEDDED_DATA).touch()
    options = StackOptions(state=tmp_path, firestore=FirestoreKind.EMULATOR)
    with pytest.raises(CouldNotRun, match="add --firestore embedded"), LocalStack(options):
        pass


def test_a_function_sees_its_settings_its_folder_and_little_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "PYTHONPATH", "TIER"):
        monkeypatch.setenv(name, "of the caller")
    (tmp_path / "main.py").write_text(SHOW)
    with Processes(tmp_path) as processes:
        settings = {"PROJECT_ID": "demo"}
        port = free_ports(1)[0]
        function = Function("f", tmp_path, processes, port=port, settings=settings, threads=2)
        function.wait()
        seen = fetched(function.url)
    assert "of the caller" not in seen["environment"].values()
    assert (seen["environment"]["PROJECT_ID"], seen["environment"]["THREADS"]) == ("demo", "2")
    assert seen["cwd"] == seen["path"][0] == str(tmp_path)


def test_a_function_that_will_not_start_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("raise RuntimeError('a wrong setting')")
    with Processes(tmp_path) as processes:
        function = Function("f", tmp_path, processes, port=free_ports(1)[0], settings={}, threads=1)
        with pytest.raises(CouldNotRun, match=r"(?s)f is not ready .*exit status.*a wrong setting"):
            function.wait()


def test_a_function_serves_another_zip_in_its_place_and_nothing_of_the_old_one(
    tmp_path: Path,
) -> None:
    served, package = tmp_path / "served", tmp_path / "other.zip"
    served.mkdir()
    (served / "main.py").write_text(SHOW)
    (served / "old.py").touch()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("main.py", "def main(request):\n    return {'version': 'other'}\n")
    with Processes(tmp_path) as processes:
        port = free_ports(1)[0]
        function = Function("f", served, processes, port=port, settings={}, threads=2)
        function.wait()
        processes.stop(function.child)
        function.redeploy(package)
        function.wait()
        assert fetched(function.url) == {"version": "other"}
    assert not (served / "old.py").exists()


def test_every_function_is_unpacked_with_what_it_shares_and_compiled(tmp_path: Path) -> None:
    folders = unpack(tmp_path)
    assert list(folders) == ["dispatcher", "upload", "status", "ask"]
    for folder in folders.values():
        assert (folder / "main.py").is_file()
        assert (folder / "shared" / "tiers.json").is_file()
        assert list((folder / "shared" / "__pycache__").glob("config.*.pyc"))


def test_a_checkout_that_lacks_a_part_cannot_be_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(_: Path, _functions: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "functions/upload/main.py")

    monkeypatch.setattr(packaging, "build", lacking)
    with pytest.raises(CouldNotRun, match=r"functions/upload/main\.py"):
        unpack(tmp_path)


def test_what_is_imported_before_parts_are_forked_starts_no_threads() -> None:
    script = (
        "import importlib, os, sys; [importlib.import_module(name) for name in sys.argv[1:]]; "
        "print(len(os.listdir('/proc/self/task')))"
    )
    argv = [sys.executable, "-c", script, *IMPORTED]
    assert subprocess.run(argv, capture_output=True, check=True).stdout.strip() == b"1"


def test_threads_follow_the_dispatches_within_what_a_small_machine_bears() -> None:
    assert threads_for(0) == 4
    assert threads_for(9) > 9
    assert threads_for(5000) == 32
