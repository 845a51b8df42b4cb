"""One initialized copy of the configuration, and a plan of each environment, for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.terraform.workspace import ENVIRONMENTS, CannotCheck, Plan, Workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Fails where Terraform or its provider can't be had: nothing here passes unseen."""
    folder: Path = tmp_path_factory.mktemp("terraform")
    try:
        return Workspace.prepare(folder)
    except CannotCheck as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture(scope="session")
def plans(workspace: Workspace) -> dict[str, Plan]:
    return {environment: workspace.plan(environment) for environment in ENVIRONMENTS}


@pytest.fixture(params=ENVIRONMENTS)
def plan(request: pytest.FixtureRequest, plans: dict[str, Plan]) -> Plan:
    """Each environment's in turn."""
    environment: str = request.param
    return plans[environment]
