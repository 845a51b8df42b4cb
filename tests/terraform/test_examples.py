"""The example in each module's README is one: it has all inputs that are needed, and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.packaging import ROOT
from local.terraform.workspace import Workspace
from tests.docs.markdown import Page

MODULES = sorted(each.name for each in (ROOT / "terraform" / "modules").iterdir())

EXAMPLE = re.compile(r"^```hcl\n(.*?)^```$", re.DOTALL | re.MULTILINE)

HEAD = """\
terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}
"""


def example(module: str) -> str:
    (found,) = EXAMPLE.findall(Page.read(f"terraform/modules/{module}/README.md").whole)
    text: str = found
    return text


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_a_readme_with_an_example_of_itself(module: str) -> None:
    assert f'source = "./modules/{module}"' in example(module)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_which_versions_it_needs(module: str) -> None:
    folder = ROOT / "terraform" / "modules" / module
    assert "required_providers" in (folder / "versions.tf").read_text()
    for name in ("variables.tf", "outputs.tf"):
        blocks = re.findall(
            r"^(?:variable|output) .*?^\}", (folder / name).read_text(), re.MULTILINE | re.DOTALL
        )
        assert blocks
        assert all("description =" in block for block in blocks)


@pytest.mark.parametrize("module", MODULES)
def test_an_output_is_a_value_and_no_whole_resource(module: str) -> None:
    text = (ROOT / "terraform" / "modules" / module / "outputs.tf").read_text()
    values = re.findall(r"^  value += (\S+)$", text, re.MULTILINE)
    whole = [each for each in values if re.fullmatch(r"(google_\w+)\.\w+(\[.*\])?", each)]
    assert whole == []


@pytest.mark.terraform
def test_terraform_accepts_every_example(workspace: Workspace, tmp_path: Path) -> None:
    copy = workspace.copy(tmp_path / "copy")
    for file in copy.configuration.glob("*.tf"):
        file.unlink()
    text = "\n".join([HEAD, *map(example, MODULES)])
    (copy.configuration / "examples.tf").write_text(text)
    assert copy.run("fmt", "-check", "examples.tf").succeeded
    initialized = copy.run("init", "-backend=false", "-input=false")
    assert initialized.succeeded, initialized.text
    answer = copy.run("validate", "-no-tests")
    assert answer.succeeded, answer.text
