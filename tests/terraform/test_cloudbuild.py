"""The pipeline's file: valid, and in the order that makes an apply safe."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.packaging import ROOT

FILE = ROOT / "cloudbuild.yaml"


@pytest.fixture
def build() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def script_of(build: dict[str, Any], step: str) -> str:
    (found,) = (each for each in build["steps"] if each["id"] == step)
    return " ".join(found["args"])


def check(file: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.cloudbuild"]
    return subprocess.run([*command, file], capture_output=True, text=True, check=False)


def test_the_file_is_what_cloud_build_understands() -> None:
    answer = check(str(FILE))
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_value_that_cloud_build_does_not_know_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "cloudbuild.yaml"
    broken.write_text(FILE.read_text().replace("CLOUD_LOGGING_ONLY", "EVERYWHERE"))
    assert check(str(broken)).returncode != 0


def test_checks_come_first_and_the_smoke_test_last(build: dict[str, Any]) -> None:
    assert [step["id"] for step in build["steps"]] == [
        "terraform",
        "check",
        "package",
        "init",
        "plan",
        "keep-plan",
        "apply",
        "nothing-left",
        "tokens",
        "smoke-test",
    ]


def test_only_the_kept_plan_is_applied_and_only_when_asked(build: dict[str, Any]) -> None:
    assert build["substitutions"]["_APPLY"] == "false"
    assert "-out=plan.tfplan" in script_of(build, "plan")
    assert "plan.tfplan" in script_of(build, "keep-plan")
    applying = script_of(build, "apply")
    assert applying.rstrip().endswith("terraform apply -input=false plan.tfplan")
    assert "-auto-approve" not in FILE.read_text()
    for step in ("apply", "nothing-left", "tokens", "smoke-test"):
        assert 'if [ "$_APPLY" != true ]; then' in script_of(build, step)


def test_a_plan_after_the_apply_must_be_empty(build: dict[str, Any]) -> None:
    assert "-detailed-exitcode" in script_of(build, "nothing-left")


def test_the_smoke_test_changes_nothing(build: dict[str, Any]) -> None:
    assert "fss sync --dry-run" in script_of(build, "smoke-test")


def test_every_substitution_is_declared_and_set_by_the_triggers(build: dict[str, Any]) -> None:
    used = set(re.findall(r"(?<!\$)\$\{?(_[A-Z_]+)", FILE.read_text()))
    assert used == set(build["substitutions"])
    triggers = (ROOT / "terraform" / "modules" / "pipeline" / "main.tf").read_text()
    assert used == set(re.findall(r"^ +(_[A-Z_]+) +=", triggers, re.MULTILINE))


def test_logs_go_to_cloud_logging_as_a_service_account_of_ones_own_needs(
    build: dict[str, Any],
) -> None:
    assert build["options"]["logging"] == "CLOUD_LOGGING_ONLY"


def test_images_are_named_with_a_version(build: dict[str, Any]) -> None:
    assert all(":" in step["name"] for step in build["steps"])
    assert not any(step["name"].endswith(":latest") for step in build["steps"])


def test_the_steps_scripts_are_what_their_shells_understand(build: dict[str, Any]) -> None:
    for step in build["steps"]:
        if step.get("entrypoint") in ("sh", "bash"):
            script = step["args"][-1].replace("$$", "$")
            done = subprocess.run(
                ["bash", "-n"], input=script, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{step['id']}: {done.stderr}"
