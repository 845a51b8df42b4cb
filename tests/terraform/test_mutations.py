"""The assertions can fail: each does, on a copy that is broken accordingly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.packaging import ROOT
from local.terraform.workspace import Workspace
from tests.terraform.mutations import MUTATIONS, Mutation

pytestmark = pytest.mark.terraform

TESTS = {file.name.split(".")[0]: file for file in (ROOT / "terraform/tests").glob("*.tftest.hcl")}

RUN = re.compile(r'^run "(\w+)" \{\n.*?^\}\n', re.DOTALL | re.MULTILINE)

REFUSALS = {found[1]: found[0] for found in RUN.finditer(TESTS.pop("refusals").read_text())}

REFUSED_WHILE_PLANNING = {"public invoker", "budgets out of order", "an image without a digest"}
"""Nothing is asserted of a plan that there is not, so these are tried alone."""


def environment_for(file: str) -> str:
    """Where the file's assertions have something to say."""
    return "dev" if file == "monitoring" else "prod"


def said(text: str) -> str:
    """Without the frames and line breaks of Terraform's messages."""
    return " ".join(re.sub(r"[│╷╵]", " ", text).split())


@pytest.mark.parametrize("name", [name for name, each in MUTATIONS.items() if each.alone])
def test_a_broken_configuration_is_noticed(name: str, workspace: Workspace, tmp_path: Path) -> None:
    mutation = MUTATIONS[name]
    broken = workspace.copy(tmp_path / "broken")
    mutation.apply(broken.configuration)
    answer = broken.test(environment_for(mutation.test), mutation.test)
    assert not answer.succeeded
    assert mutation.told in said(answer.text)


@pytest.mark.parametrize("file", sorted(TESTS))
def test_every_assertion_of_a_file_fails_where_it_should(
    file: str, workspace: Workspace, tmp_path: Path
) -> None:
    broken = workspace.copy(tmp_path / "broken")
    for mutation in of_file(file):
        mutation.apply(broken.configuration)
    answer = said(broken.test(environment_for(file), file).text)
    assertions = re.findall(r'error_message = "(.*)"', TESTS[file].read_text())
    assert assertions
    assert [each for each in assertions if each not in answer] == []


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_missed_where_its_validation_is_gone(
    name: str, workspace: Workspace, tmp_path: Path
) -> None:
    broken = workspace.copy(tmp_path / "broken")
    tests = broken.configuration / "tests" / "refusals.tftest.hcl"
    header = tests.read_text().split("\nrun ")[0]
    tests.write_text(f"{header}\n{REFUSALS[name]}")
    refused = re.search(r"expect_failures = \[var\.(\w+)\]", REFUSALS[name])
    assert refused is not None
    remove_validations(broken.configuration / "variables.tf", refused[1])
    assert not broken.test("prod", "refusals").succeeded


def of_file(file: str) -> list[Mutation]:
    return [
        each
        for name, each in MUTATIONS.items()
        if each.test == file and name not in REFUSED_WHILE_PLANNING
    ]


def remove_validations(file: Path, variable: str) -> None:
    before, start, rest = file.read_text().partition(f'variable "{variable}" {{\n')
    block, end, after = rest.partition("\n}\n")
    kept = re.sub(r"\n  validation \{\n.*?\n  \}", "", block, flags=re.DOTALL)
    assert kept != block
    file.write_text(before + start + kept + end + after)
