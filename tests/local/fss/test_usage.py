"""What `fss` refuses before it starts anything, run as its users run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.stack.run_folder import RunFolder
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]


def fss(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.fss", *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("a")
    return tmp_path / "docs"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--tier", "gold"], "unknown tier 'gold'; the tiers are free, tier1, tier2, tier3"),
        (["--path-template", "{a}{"], "this brace is not closed"),
        (["--include", "/a"], "begins with '/'"),
        (["--exclude", "a,b"], "contains a comma"),
        (["--time-scale", "0.5"], "0.5 is not from 1 to 100"),
        (["--time-scale", "101"], "101 is not from 1 to 100"),
        (["--faults", '{"kind": "gremlins"}'], "gremlins"),
        (["--faults", "{"], "--faults"),
        (["--max-deletes", "-1"], "0 or more"),
        (["--max-estimated-cost", "0"], "more than 0"),
        (["--mode", "sideways"], "sideways"),
        (["--real"], "GEMINI_API_KEY"),
        (["--state", "inside"], "is inside"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_name(
    options: list[str], told: str, folder: Path
) -> None:
    words = [str(folder / word) if word == "inside" else word for word in options]
    done = fss("local", str(folder), *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stdout == ""
    assert "Starting" not in done.stderr


@pytest.mark.parametrize("words", [[], ["dance"], ["local"], ["up", "x", "--port", "0"]])
def test_a_command_line_that_cannot_be_read_is_refused(words: list[str]) -> None:
    done = fss(*words)
    assert done.returncode == 2
    assert "--help" in done.stderr


def test_help_is_no_error() -> None:
    done = fss("local", "--help")
    assert done.returncode == 0
    assert "--path-template" in done.stdout


def test_with_json_a_refusal_is_one_object_on_stdout(tmp_path: Path) -> None:
    done = fss("local", str(tmp_path / "missing"), "--json")
    assert done.returncode == 2
    assert list(json.loads(done.stdout)) == ["error"]
    assert "does not exist" in done.stderr


def test_an_empty_folder_is_not_taken_for_delete_everything(tmp_path: Path) -> None:
    done = fss("local", str(tmp_path))
    assert done.returncode == 2
    assert "nothing to sync" in done.stderr


def test_without_an_emulator_the_command_says_how_to_get_one(folder: Path) -> None:
    done = fss(
        "local",
        str(folder),
        "--firestore",
        "emulator",
        "--json",
        FIRESTORE_EMULATOR_JAR="/no/such.jar",
    )
    assert done.returncode == 4
    assert "gcloud components install" in json.loads(done.stdout)["error"]


def test_a_state_that_another_run_has_is_refused(folder: Path, tmp_path: Path) -> None:
    held = RunFolder(tmp_path / "state", deployment="local", real=False)
    done = fss("local", str(folder), "--state", str(tmp_path / "state"))
    held.close()
    assert done.returncode == 3
    assert f"process {os.getpid()}" in done.stderr


def test_a_state_of_other_files_is_refused(folder: Path) -> None:
    (folder.parent / "other.txt").touch()
    done = fss("local", str(folder), "--state", str(folder.parent))
    assert done.returncode == 2
    assert "holds other files" in done.stderr


def test_a_deployment_must_be_named() -> None:
    done = fss("status")
    assert done.returncode == 2
    assert "FSS_STATUS_URL" in done.stderr


def test_a_deployment_that_does_not_answer_could_not_be_asked() -> None:
    done = fss("status", FSS_STATUS_URL="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "no answer from http://127.0.0.1:9" in done.stderr
