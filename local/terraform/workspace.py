"""Terraform's own checks of the configuration, in a copy of it, without a Google project.

The provider is an offline stand-in where there is one (`OFFLINE_GOOGLE_PROVIDER`, a folder with a
program `setup`; by default beside the checkout), else the real one from Terraform's registry. Both
are mocked, so that no check needs credentials.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from local.packaging import ROOT, build

ENVIRONMENTS = ("dev", "staging", "prod")

OFFLINE_PROVIDER = "OFFLINE_GOOGLE_PROVIDER"

OLDEST = (1, 11)
"""The configuration needs 1.9; overriding what a plan can't know, as its tests do, needs this."""

_BESIDE_THE_CHECKOUT = ROOT.parent / "shared" / "tools" / "offline_google_provider"
_WORKING_FILES = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*")


class CannotCheck(Exception):
    """Terraform or its provider can't be had here; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be made of nothing.

    Attributes:
        resources: The known attributes of each resource, by its address.
        outputs: Each output whose value is known.
    """

    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The resources of one type, by address."""
        pattern = re.compile(rf"(^|\.){kind}\.")
        return {key: value for key, value in self.resources.items() if pattern.search(key)}


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command of Terraform's ended, and all that it said."""

    succeeded: bool
    text: str


class Workspace:
    """An initialized copy of the configuration, with the packages it deploys.

    Args:
        folder: Holds terraform/, shared/tiers.json and build/, as a checkout does.
        environment: Terraform's environment variables.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = dict(environment)
        self.configuration = folder / "terraform"

    @classmethod
    def prepare(cls, folder: Path, cache: Path = ROOT / "build" / "offline-provider") -> Self:
        """Copy this checkout's configuration into `folder` and initialize it.

        Args:
            folder: New or empty.
            cache: Where the offline provider is set up, once; ignored by git.

        Raises:
            CannotCheck: Terraform or the provider can't be had.
        """
        program = _terraform()
        offline = _offline_provider()
        environment = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        if offline is not None:
            environment |= _set_up(offline, cache)
        workspace = cls(folder, environment)
        shutil.copytree(ROOT / "terraform", workspace.configuration, ignore=_WORKING_FILES)
        lock = ROOT / "terraform" / ".terraform.lock.hcl"
        if offline is None and lock.exists():
            shutil.copy(lock, workspace.configuration)
        (folder / "shared").mkdir()
        shutil.copy(ROOT / "shared" / "tiers.json", folder / "shared")
        build(folder / "build")
        initialized = workspace.run("init", "-backend=false", "-input=false")
        if not initialized.succeeded:
            raise CannotCheck(
                f"{program} could not get the google provider. Where the registry can't be "
                f"reached, set {OFFLINE_PROVIDER} to the folder of the offline provider.\n"
                f"{initialized.text}"
            )
        return workspace

    def copy(self, folder: Path) -> Workspace:
        """Another one, initialized as this one is, to be changed at will."""
        shutil.copytree(self._folder, folder, symlinks=True)
        return Workspace(folder, self._environment)

    def run(self, *arguments: str) -> Answer:
        """Run a command of Terraform's in the configuration."""
        done = subprocess.run(
            ["terraform", *arguments, *(["-no-color"] if arguments[0] != "fmt" else [])],
            cwd=self.configuration,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Answer(done.returncode == 0, done.stdout)

    def test(self, environment: str, *files: str) -> Answer:
        """Run Terraform's tests for an environment: all of them, or those of some files."""
        return self.run("test", *_arguments(environment, *files))

    def plans(self, environment: str, file: str = "plan") -> dict[str, Plan]:
        """What the runs of a test file plan for an environment, by run.

        Raises:
            RuntimeError: One of them failed.
        """
        answer = self.run("test", "-json", "-verbose", *_arguments(environment, file))
        if not answer.succeeded:
            raise RuntimeError(answer.text)
        return dict(_plans(answer.text))

    def plan(self, environment: str) -> Plan:
        """A whole deployment of an environment, its pipeline included."""
        (plan,) = self.plans(environment).values()
        return plan


def _terraform() -> str:
    program = shutil.which("terraform")
    oldest = ".".join(map(str, OLDEST))
    if program is None:
        raise CannotCheck(
            f"terraform is not on the PATH: install {oldest} or newer from "
            "https://developer.hashicorp.com/terraform/install"
        )
    said = subprocess.run(
        [program, "version", "-json"], capture_output=True, text=True, check=True
    ).stdout
    version: str = json.loads(said)["terraform_version"]
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < OLDEST:
        raise CannotCheck(f"{program} is {version}; the tests need {oldest} or newer")
    return program


def _offline_provider() -> Path | None:
    """The offline provider's set-up program, if there is one."""
    named = os.environ.get(OFFLINE_PROVIDER)
    setup = Path(named or _BESIDE_THE_CHECKOUT).resolve() / "setup"
    if setup.is_file():
        return setup
    if named:
        raise CannotCheck(f"{OFFLINE_PROVIDER} names a folder without a program called setup")
    return None


def _set_up(setup: Path, cache: Path) -> dict[str, str]:
    """Set the offline provider up; returns the variables by which Terraform finds it."""
    done = subprocess.run([setup, cache], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotCheck(f"the offline google provider could not be set up\n{done.stderr}")
    return dict(word.split("=", 1) for word in shlex.split(done.stdout) if "=" in word)


def _arguments(environment: str, *files: str) -> list[str]:
    chosen = [f"-filter=tests/{file}.tftest.hcl" for file in files]
    return [f"-var-file=environments/{environment}.tfvars", *chosen]


def _plans(messages: str) -> Iterator[tuple[str, Plan]]:
    for line in messages.splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("type") == "test_plan":
            yield message["@testrun"], _plan(message["test_plan"])


def _plan(plan: Mapping[str, Any]) -> Plan:
    return Plan(
        resources={
            change["address"]: change["change"]["after"]
            for change in plan["resource_changes"]
            if change["mode"] == "managed"
        },
        outputs={
            name: change["after"]
            for name, change in plan["output_changes"].items()
            if change.get("after") is not None
        },
    )
