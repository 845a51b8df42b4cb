"""Each function starts from its zip as Cloud Run would start it: an empty virtual environment with
its own requirements, and the environment variables that are planned for it. Both the Python that
runs the tests and the one that is planned are tried."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from local.packaging import FUNCTIONS, build
from local.processes.children import Processes, answers
from local.processes.ports import HOST, free_ports, loopback
from local.terraform.workspace import Plan, Workspace
from tests.packaging.as_built import python_with
from tests.patience import PATIENCE

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(900)]

UNREACHABLE = {
    "FIRESTORE_EMULATOR_HOST": loopback(1),  # where Google's client asks for no credentials
    "GEMINI_API_KEY": "a-key",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The unpacked zips."""
    root = tmp_path_factory.mktemp("functions")
    found = {}
    for name, package in build(root / "zips").items():
        found[name] = root / name
        with zipfile.ZipFile(package.path) as archive:
            archive.extractall(found[name])
    return found


def planned_python(plan: Plan) -> str:
    """The interpreter of the planned runtime."""
    planned = plan.resources["module.status.google_cloudfunctions2_function.this"]
    runtime: str = planned["build_config"][0]["runtime"]
    version = f"3.{runtime.removeprefix('python3')}"
    program = shutil.which(f"python{version}")
    ask = "import sys; print(sys.executable)"
    answer = program and subprocess.run(
        [program, "-c", ask],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYENV_VERSION": version},  # for which pyenv's programs ask
    )
    if answer and answer.returncode == 0:
        return answer.stdout.strip()
    missing = f"python{version}, the planned runtime, is not on the PATH"
    if os.environ.get("REQUIRE_RUNTIME"):
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="module", params=["this one", "the planned one"])
def pythons(
    request: pytest.FixtureRequest,
    folders: dict[str, Path],
    plans: dict[str, Plan],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """An interpreter with nothing but the function's requirements; equal ones are shared."""
    root = tmp_path_factory.mktemp("pythons")
    base = sys.executable if request.param == "this one" else planned_python(plans["prod"])
    found = {}
    for name, folder in folders.items():
        found[name] = python_with(folder / "requirements.txt", root, base)
    return found


@pytest.fixture(scope="module")
def plan(workspace: Workspace) -> Plan:
    """A plan with all functions: the one that answers questions needs askers."""
    askers = workspace.configuration / "askers.auto.tfvars.json"
    askers.write_text(json.dumps({"askers": ["group:readers@example.com"]}))
    try:
        return workspace.plan("prod")
    finally:
        askers.unlink()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_starts_with_what_is_planned_for_it_and_nothing_else(
    function: str,
    folders: dict[str, Path],
    pythons: dict[str, Path],
    plan: Plan,
    tmp_path: Path,
) -> None:
    module = "ask[0]" if function == "ask" else function
    planned = plan.resources[f"module.{module}.google_cloudfunctions2_function.this"]
    assert planned["build_config"][0]["entry_point"] == "main"
    variables = planned["service_config"][0]["environment_variables"]
    (port,) = free_ports(1)
    source = folders[function] / "main.py"
    framework = [str(pythons[function]), "-m", "functions_framework", "--target", "main"]
    with Processes(tmp_path) as processes:
        child = processes.start(
            function,
            [*framework, "--source", str(source), "--host", HOST, "--port", str(port)],
            env={"PATH": os.environ["PATH"], **variables, **UNREACHABLE},
            cwd=source.parent,
        )
        url = f"http://{loopback(port)}/nothing"
        child.wait_until(lambda: answers(url))
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=PATIENCE)
        with refused.value as response:
            assert response.code == 404
            assert json.load(response)["error"] == "there is no /nothing"
