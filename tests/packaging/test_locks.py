from __future__ import annotations

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.packaging import FUNCTIONS, ROOT

LOCKS = ["requirements/dev.txt", "requirements/java.txt", "requirements/uv.txt"] + [
    f"functions/{function}/requirements.txt" for function in FUNCTIONS
]

NODE_LOCKS = tuple(
    f"tests/{place}/package-lock.json"
    for place in ("local/firestore/node_client", "local/stack/genai_node", "browser/axe")
)


def pins(lock: str) -> dict[str, str]:
    """Return name -> version."""
    found: dict[str, str] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if line and line[0] not in " #":
            requirement = Requirement(line.removesuffix("\\"))
            (specifier,) = requirement.specifier
            assert specifier.operator == "=="
            found[canonicalize_name(requirement.name)] = specifier.version
    return found


def declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["local"], *extras["dev"]]
    return [Requirement(line) for line in lines if not line.startswith(project["name"])]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_carries_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text())[1:]
    assert len(entries) == len(pins(lock))
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_no_path_of_a_machine(lock: str) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links| /|\\\\", (ROOT / lock).read_text())


@pytest.mark.parametrize("name", NODE_LOCKS)
def test_a_lock_of_npm_has_hashes_and_names_no_registry(name: str) -> None:
    lock = json.loads((ROOT / name).read_text())
    wanted = json.loads((ROOT / name).with_name("package.json").read_text())
    ours, *packages = lock["packages"].values()
    assert ours["dependencies"] == wanted["dependencies"]
    assert all(each["integrity"].startswith("sha512-") for each in packages)
    assert not any("resolved" in each for each in packages)


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_the_development_lock_satisfies_what_the_project_declares(requirement: Requirement) -> None:
    version = pins("requirements/dev.txt")[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_ships_the_versions_the_tests_run_with(function: str) -> None:
    shipped = pins(f"functions/{function}/requirements.txt")
    assert shipped.items() <= pins("requirements/dev.txt").items()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_asks_only_for_what_the_project_declares_and_gets_it(function: str) -> None:
    asked = set((ROOT / f"functions/{function}/requirements.in").read_text().split())
    assert asked <= {requirement.name for requirement in declared()}
    assert asked <= pins(f"functions/{function}/requirements.txt").keys()


def test_status_ships_neither_the_gemini_client_nor_the_task_client() -> None:
    assert (
        pins("functions/status/requirements.txt")
        .keys()
        .isdisjoint({"google-genai", "google-cloud-tasks", "google-cloud-storage"})
    )
