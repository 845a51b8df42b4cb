"""Runs Terraform's own checks in a copy of the configuration, without a Google project.

If an offline provider is there, the checks use it (`OFFLINE_GOOGLE_PROVIDER`, a folder with a
program `setup`; by default beside the checkout); otherwise they use the real one from Terraform's
registry. Both are mocked, so no check needs credentials.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from local.packaging import ROOT, build

ENVIRONMENTS = ("dev", "staging", "prod")

OFFLINE_PROVIDER = "OFFLINE_GOOGLE_PROVIDER"

OLDEST = (1, 11)
"""The configuration needs 1.9; its tests override values unknown in a plan, which needs this."""

_BESIDE_THE_CHECKOUT = ROOT.parent / "shared" / "tools" / "offline_google_provider"
_WORKING_FILES = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*")


class CannotCheck(Exception):
    """Terraform or its provider is not available; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What Terraform would create in an empty project.

    Attributes:
        resources: The known attributes of each resource, by its address.
        outputs: Each output whose value is known.
        unknown: Of each resource, what is known only after it is made: true in the value's place.
    """

    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any]
    unknown: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def of_type(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The resources of one type, by address."""
        pattern = re.compile(rf"(^|\.){kind}\.")
        return {key: value for key, value in self.resources.items() if pattern.search(key)}


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a Terraform command succeeded, and everything it printed."""

    succeeded: bool
    text: str


class Workspace:
    """An initialized copy of the configuration, with the packages it deploys.

    Args:
        folder: The copy's root; holds terraform/, shared/tiers.json and build/, as a checkout does.
        environment: The environment variables for Terraform.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self.environment = dict(environment)
        self.configuration = folder / "terraform"

    @classmethod
    def prepare(cls, folder: Path, cache: Path = ROOT / "build" / "offline-provider") -> Self:
        """Copy this checkout's configuration into `folder` and initialize it.

        Args:
            folder: A new or empty folder.
            cache: The folder in which the offline provider is set up once; git ignores it.

        Raises:
            CannotCheck: Terraform or the provider is not available.
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
        """Return an initialized copy of this workspace, free to be changed."""
        shutil.copytree(self._folder, folder, symlinks=True)
        return Workspace(folder, self.environment)

    def run(self, *arguments: str) -> Answer:
        """Run a Terraform command in the configuration."""
        done = subprocess.run(
            ["terraform", *arguments, *(["-no-color"] if arguments[0] != "fmt" else [])],
            cwd=self.configuration,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Answer(done.returncode == 0, done.stdout)

    def test(self, environment: str, *files: str) -> Answer:
        """Run Terraform's tests for an environment: all of them, or those of the given files."""
        return self.run("test", *_arguments(environment, *files))

    def plans(self, environment: str, file: str = "plan") -> dict[str, Plan]:
        """Return the plan of each run of a test file for an environment, by the run's name.

        Raises:
            RuntimeError: A run failed.
        """
        answer = self.run("test", "-json", "-verbose", *_arguments(environment, file))
        if not answer.succeeded:
            raise RuntimeError(answer.text)
        return dict(_plans(answer.text))

    def plan(self, environment: str) -> Plan:
        """Return the plan of a whole deployment of an environment, its pipeline included."""
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
    """Return the offline provider's set-up program, or None if there is none."""
    named = os.environ.get(OFFLINE_PROVIDER)
    setup = Path(named or _BESIDE_THE_CHECKOUT).resolve() / "setup"
    if setup.is_file():
        return setup
    if named:
        raise CannotCheck(f"{OFFLINE_PROVIDER} names a folder that has no program called setup")
    return None


def _set_up(setup: Path, cache: Path) -> dict[str, str]:
    """Set up the offline provider; return the variables that tell Terraform where it is."""
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
        unknown={
            change["address"]: change["change"]["after_unknown"]
            for change in plan["resource_changes"]
            if change["mode"] == "managed"
        },
    )
