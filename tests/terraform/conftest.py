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


@pytest.fixture(scope="session")
def full(workspace: Workspace) -> Plan:
    """A plan with everything that can be asked for and that no environment asks for."""
    run = """
run "everything" {
  command = plan
  variables {
    alerts_to_nobody      = true
    budget                = { billing_account = "012345-6789AB-CDEF01", amount = 100 }
    documentation_url     = "https://example.com/docs"
    askers                = ["group:readers@example.com"]
    events                = {}
    documents_bucket      = { name = "documents", create = true, billing_project = "who-pays" }
    notification_channels = []
    queue_log_sampling    = 0
  }
}
"""
    tests = workspace.configuration / "tests"
    (tests / "full.tftest.hcl").write_text(
        (tests / "plan.tftest.hcl").read_text().split("run ")[0] + run
    )
    try:
        (plan,) = workspace.plans("dev", "full").values()
    finally:
        (tests / "full.tftest.hcl").unlink()
    return plan
