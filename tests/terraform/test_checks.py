"""What Terraform itself says of the configuration, and how its absence is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.packaging import ROOT
from local.terraform.workspace import ENVIRONMENTS, OFFLINE_PROVIDER, CannotCheck, Workspace

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(1200)]


def test_the_configuration_is_laid_out_as_terraform_does(workspace: Workspace) -> None:
    answer = workspace.run("fmt", "-check", "-recursive", "-diff")
    assert answer.succeeded, answer.text


def test_the_configuration_is_valid(workspace: Workspace) -> None:
    answer = workspace.run("validate")
    assert answer.succeeded, answer.text


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_terraform_test_passes(workspace: Workspace, environment: str) -> None:
    answer = workspace.test(environment)
    assert answer.succeeded, answer.text
    files = len(list((ROOT / "terraform" / "tests").glob("*.tftest.hcl")))
    assert answer.text.count(".tftest.hcl... pass") == files


def test_a_machine_without_terraform_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCheck, match=r"install 1\.11 or newer from https://"):
        Workspace.prepare(tmp_path / "workspace")


def test_an_old_terraform_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "terraform"
    program.write_text("""#!/bin/sh\necho '{"terraform_version": "1.9.8"}'\n""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(CannotCheck, match=r"is 1\.9\.8; the tests need 1\.11 or newer"):
        Workspace.prepare(tmp_path / "workspace")


def test_a_machine_without_a_provider_is_told_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OFFLINE_PROVIDER, str(tmp_path))
    with pytest.raises(CannotCheck, match="names a folder that has no program called setup"):
        Workspace.prepare(tmp_path / "workspace")
