"""Runs a build's steps as Cloud Build does: one after the other in one folder, until one fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from local.packaging import ROOT
from steps.google_api import Google

PYTHON = """\
import runpy, sys
arguments = sys.argv[1:]
sys.path.insert(0, "")
if arguments[1].startswith("steps."):
    from steps.google_api import Google
    Google.__init__.__defaults__ = {services!r}
sys.argv = [arguments[1], *arguments[2:]]
runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
"""
"""Stands for ``python3 -m MODULE``: the services are where the test has them."""

TERRAFORM = """\
#!/bin/sh
# Terraform, with a local state in place of the bucket and without a provider that could apply.
case "$1" in
    init) exec {terraform} init -input=false $(echo "$*" | grep -o -e -lockfile=readonly) ;;
    apply)
        echo "$*" >> {told}
        for plan in "$@"; do :; done
        sha256sum < "$plan" | cut -d " " -f 1 >> {told} ;;
    plan)
        case "$*" in
            *-detailed-exitcode*) echo "$*" >> {told}; exit "$(cat {left})" ;;
            *) exec {terraform} "$@" ;;
        esac ;;
    *) exec {terraform} "$@" ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The steps that ran, in order; the last one failed unless all succeeded.

    Attributes:
        steps: Ids of the steps.
        succeeded: Whether all did.
        log: What they printed.
    """

    steps: Sequence[str]
    succeeded: bool
    log: str


class Machine:
    """Programs for the builds, in a folder that comes first on their PATH.

    Attributes:
        told: What Terraform was told to apply: the command, and the plan's sha256.
    """

    def __init__(self, folder: Path, google: Google, environment: Mapping[str, str]) -> None:
        terraform = shutil.which("terraform")
        assert terraform is not None
        folder.mkdir()
        self.told = folder / "told"
        self._left = folder / "left"
        self._left.write_text("0")
        self._environment = {**environment, "PATH": f"{folder}:{os.environ['PATH']}"}
        (folder / "python.py").write_text(PYTHON.format(services=astuple(google)))
        _program(folder / "python3", f'#!/bin/sh\nexec {sys.executable} {folder}/python.py "$@"\n')
        _program(
            folder / "terraform",
            TERRAFORM.format(terraform=terraform, told=self.told, left=self._left),
        )

    def leaves(self, exit_code: int) -> None:
        """How a second plan with ``-detailed-exitcode`` ends: 0 for nothing left, 2 for changes."""
        self._left.write_text(str(exit_code))

    def run(
        self, steps: Iterable[Mapping[str, Any]], substitutions: Mapping[str, str], workspace: Path
    ) -> Outcome:
        ran: list[str] = []
        log = ""
        for step in steps:
            ran.append(step["id"])
            lines = [substituted(line, substitutions) for line in step.get("env") or []]
            script = workspace.parent / f"{workspace.name}-script"
            _program(script, step["script"])
            done = subprocess.run(
                [script],
                cwd=workspace / (step.get("dir") or ""),
                env=self._environment | dict(line.split("=", 1) for line in lines),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            log += f"--- {step['id']}\n{done.stdout}"
            if done.returncode != 0:
                return Outcome(ran, succeeded=False, log=log)
        return Outcome(ran, succeeded=True, log=log)


def substituted(line: str, substitutions: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(_?[A-Z][A-Z0-9_]*)\}?", lambda found: substitutions[found[1]], line)


def bound(substitutions: Mapping[str, str], message: Mapping[str, str]) -> dict[str, str]:
    """What a trigger's substitutions become for a message."""
    return {
        name: re.sub(
            r"\$\(body\.message\.attributes\.(\w+)\)", lambda found: message[found[1]], value
        )
        for name, value in substitutions.items()
    }


SMALL = """\
variable "deployment" {
  default = "prod"
}

resource "google_logging_metric" "this" {
  name   = "fss-${var.deployment}-errors"
  filter = "severity=ERROR"
}
"""
"""A configuration that the pipeline may create. The offline provider plans only creations, and most
of the whole configuration is for a person to create."""


def repository(folder: Path, configuration: str | None = SMALL) -> Path:
    """A Git repository with what a plan's build needs, whose Terraform keeps its state at hand.

    Args:
        folder: A new folder.
        configuration: What there is in place of this repository's; None for this one's.
    """
    for part in ("terraform", "shared", "local", "functions"):
        shutil.copytree(
            ROOT / part,
            folder / part,
            ignore=shutil.ignore_patterns("__pycache__", ".terraform*", "*.tfstate*"),
        )
    terraform = folder / "terraform"
    if configuration is not None:
        for file in terraform.glob("*.tf"):
            file.unlink()
        (terraform / "main.tf").write_text(configuration)
        (terraform / "environments" / "prod.tfvars").write_text("")
    (terraform / "backend_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    (folder / ".gitignore").write_text("/build/\n__pycache__/\n.terraform/\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    committed(folder, "the first commit")
    return folder


def committed(folder: Path, message: str) -> str:
    """Commit all there is; return the commit."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def checked_out(source: Path, folder: Path) -> Path:
    """One commit of the repository, as Cloud Build checks it out: without its history."""
    git(source, "clone", "--quiet", "--depth=1", f"file://{source}", str(folder))
    return folder


def _program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)
