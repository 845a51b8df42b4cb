"""The files of the pipeline's builds: valid, and in the order that makes an apply safe."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.packaging import ROOT

PIPELINE = ROOT / "terraform" / "modules" / "pipeline"

FILES = {
    "check": ROOT / "cloudbuild.yaml",
    "plan": PIPELINE / "plan.yaml",
    "apply": PIPELINE / "apply.yaml",
}

ORDER = {
    "check": ["terraform", "check", "browser"],
    "plan": ["package", "history", "plan", "review", "publish"],
    "apply": ["fetch", "compare", "review", "begin", "apply", "nothing-left", "smoke-test"],
}

LONGEST_SCRIPT = 10_000
"""Characters: Cloud Build's limit for an argument of a step. For a script none is published."""

GIVEN = {"BUILD_ID", "COMMIT_SHA"}
"""Substitutions that Cloud Build makes."""


@pytest.fixture(params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def loaded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(FILES[name].read_text())
    return found


def script_of(name: str, step: str) -> str:
    (found,) = (each["script"] for each in loaded(name)["steps"] if each["id"] == step)
    return str(found)


def check(file: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.cloudbuild"]
    return subprocess.run([*command, file], capture_output=True, text=True, check=False)


def test_the_files_are_what_cloud_build_understands(name: str) -> None:
    answer = check(str(FILES[name]))
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_a_value_that_cloud_build_does_not_know_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "cloudbuild.yaml"
    broken.write_text(FILES["plan"].read_text().replace("CLOUD_LOGGING_ONLY", "EVERYWHERE"))
    assert check(str(broken)).returncode != 0


def test_the_steps_are_in_order(name: str) -> None:
    assert [step["id"] for step in loaded(name)["steps"]] == ORDER[name]


def test_only_the_apply_applies_and_only_the_plan_that_was_fetched() -> None:
    applying = [
        (name, step["id"])
        for name in FILES
        for step in loaded(name)["steps"]
        if "terraform apply" in step["script"]
    ]
    assert applying == [("apply", "apply")]
    assert script_of("apply", "apply").rstrip().endswith("-lock-timeout=10m ../plan.tfplan")
    assert not any("-auto-approve" in file.read_text() for file in FILES.values())


def test_a_plan_after_the_apply_must_be_empty_and_waits_for_the_lock() -> None:
    script = script_of("apply", "nothing-left")
    assert "-detailed-exitcode" in script
    assert "-lock-timeout=10m" in script


def test_the_planner_takes_no_lock_that_it_could_not_write() -> None:
    assert "-lock=false" in script_of("plan", "plan")


def test_no_package_runs_where_a_plan_is_made_or_applied() -> None:
    for name in ("plan", "apply"):
        for step in loaded(name)["steps"]:
            assert not re.search(r"\b(make|pip|uv|venv|pytest|npm|apt-get)\b", step["script"])


@pytest.mark.parametrize("name", ["check", "plan"])
def test_every_substitution_is_declared(name: str) -> None:
    assert substitutions_in(name) == set(loaded(name)["substitutions"])


def substitutions_in(name: str) -> set[str]:
    """Those in places where Cloud Build replaces them; in scripts it does not."""
    build = loaded(name)
    lines = [build.get("logsBucket", "")]
    for step in build["steps"]:
        lines += [step["name"], *step.get("env", [])]
    return set(re.findall(r"\$\{?(_?[A-Z][A-Z0-9_]*)", "\n".join(lines))) - GIVEN


def test_scripts_use_their_environment_and_no_substitution(name: str) -> None:
    for step in loaded(name)["steps"]:
        given = {line.partition("=")[0] for line in step.get("env", [])} | {"PATH", "PWD"}
        used = set(re.findall(r"\$\{?([A-Za-z_][A-Za-z_0-9]*)", step["script"]))
        assert used <= given, step["id"]


def test_every_variable_of_a_python_step_is_set(name: str) -> None:
    for step in loaded(name)["steps"]:
        module = re.search(r"python3 -m steps\.(\w+)", step["script"])
        if module:
            source = (PIPELINE / "steps" / f"{module[1]}.py").read_text()
            read = set(re.findall(r'environment\["([A-Z0-9_]+)"\]', source))
            given = {line.partition("=")[0] for line in step.get("env", [])}
            assert read <= given, step["id"]


def test_logs_are_kept_as_an_account_of_ones_own_needs(name: str) -> None:
    logging = "GCS_ONLY" if name == "check" else "CLOUD_LOGGING_ONLY"
    assert loaded(name)["options"]["logging"] == logging


def test_every_image_comes_from_the_one_list(name: str) -> None:
    images = {f"${{_{image.upper()}_IMAGE}}" for image in images_kept()}
    assert {step["name"] for step in loaded(name)["steps"]} <= images


def test_every_image_of_the_list_has_a_version_and_a_digest() -> None:
    for image in images_kept().values():
        assert re.fullmatch(r"[a-z./-]+:[0-9][a-z0-9.-]*", image["image"])
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", image["digest"])


def images_kept() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = json.loads((PIPELINE / "images.json").read_text())
    return found


def test_the_steps_scripts_are_what_a_plain_shell_understands(name: str) -> None:
    for step in loaded(name)["steps"]:
        assert step["script"].startswith("#!/bin/sh\n")
        done = subprocess.run(
            ["sh", "-n"], input=step["script"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{step['id']}: {done.stderr}"


@pytest.mark.parametrize("file", sorted((PIPELINE / "steps").glob("*.*")), ids=lambda f: f.name)
def test_each_file_of_the_steps_fits_a_step_and_holds_nothing_that_is_replaced(file: Path) -> None:
    text = file.read_text()
    assert len(text) < LONGEST_SCRIPT - 200
    assert "$" not in text
    assert "END-OF-FILE" not in text


def test_the_steps_need_nothing_but_python() -> None:
    imported = {
        found
        for file in (PIPELINE / "steps").glob("*.py")
        for found in re.findall(r"^(?:from|import) ([a-z_]+)", file.read_text(), re.MULTILINE)
    }
    assert imported <= {*sys.stdlib_module_names, "steps"}
