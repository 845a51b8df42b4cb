"""Every command of the rehearsal, compared with what gcloud and terraform say that they have."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.rehearsal.page import example_steps
from local.rehearsal.programs import Command, gcloud
from tests.google_programs import gcloud_tree, options_of_terraform, wrong_in

COMMANDS = [command for step in example_steps() for command in step.commands]
SAMPLES = {command.kind: command for command in COMMANDS}
GCLOUD = [command for command in SAMPLES.values() if command.program == "gcloud"]
TERRAFORM = [command for command in SAMPLES.values() if command.program == "terraform"]


@pytest.fixture(scope="session")
def tree() -> Mapping[str, Any]:
    return gcloud_tree()


@pytest.mark.parametrize("command", GCLOUD, ids=str)
def test_gcloud_has_the_command_with_its_flags(command: Command, tree: Mapping[str, Any]) -> None:
    assert list(wrong_in(command, tree)) == []


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("monitoring", "policies", "list"), "no command policies"),
        (("storage", "buckets"), "no command "),
        (("storage", "buckets", "create", "gs://b", "--versioning"), "no flag --versioning"),
        (("projects", "describe", "p", "--location=x"), "no flag --location"),
        (("secrets", "versions", "add", "s", "--data-file"), "--data-file takes a value"),
        (("services", "list", "--enabled=true"), "--enabled takes no value"),
    ],
)
def test_what_gcloud_does_not_have_is_found(
    words: tuple[str, ...], wrong: str, tree: Mapping[str, Any]
) -> None:
    assert list(wrong_in(gcloud(*words), tree)) == [wrong]


@pytest.mark.parametrize("words", ["storage buckets create", "secrets versions add"])
def test_the_table_has_the_flags_of_the_help(
    words: str, tree: Mapping[str, Any], tmp_path: Path
) -> None:
    """One help takes a second, so the commands are compared with the table that has them all."""
    node = tree
    for word in words.split():
        node = node["commands"][word]
    program = shutil.which("gcloud")
    if program is None:
        pytest.skip("gcloud is not on the path of this machine")
    quiet = {"CLOUDSDK_CONFIG": str(tmp_path), "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "1"}
    done = subprocess.run(
        [program, *words.split(), "--help"],
        env={**os.environ, **quiet, "TERM": "dumb", "PAGER": "cat"},
        capture_output=True,
        text=True,
        check=True,
    )
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    described = re.findall(r"^     {1,4}--(?:\[?no-\]?)?([^\s=,]+)", text, re.MULTILINE)
    assert described
    assert {f"--{flag}" for flag in described} <= node["flags"].keys()


@pytest.mark.parametrize("command", TERRAFORM, ids=str)
def test_terraform_has_the_command_with_its_options(command: Command) -> None:
    assert set(command.flags) <= options_of_terraform(*command.words)


def test_no_step_has_a_command_of_another_program() -> None:
    assert {command.program for command in COMMANDS} == {"gcloud", "terraform"}


def test_no_command_asks_a_question() -> None:
    """A question would wait for an answer that nobody sees."""
    assert all("--quiet" in command.argv for command in GCLOUD)
    asking = [command for command in TERRAFORM if {"init", "plan", "apply"} & set(command.words)]
    assert all("-input=false" in command.argv for command in asking)
    assert all("-auto-approve" in each.argv for each in asking if "apply" in each.words)


def test_answers_with_a_token_are_kept_out_of_the_log() -> None:
    tokens = [command for command in COMMANDS if any("token" in word for word in command.words)]
    assert len(tokens) == 4
    assert all(command.is_secret for command in tokens)
