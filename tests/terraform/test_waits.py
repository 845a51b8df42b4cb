"""What waits for what: a first apply has an order that works, and destroy needs no zips."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from local.terraform.workspace import Workspace
from tests.terraform.mutations import MUTATIONS

pytestmark = pytest.mark.terraform

FUNCTIONS = ("dispatcher", "upload", "status", "ask")

DATABASE = "module.firestore.google_firestore_"
AWAITED = (
    f"{DATABASE}index.this",
    f"{DATABASE}field.indexed",
    f"{DATABASE}field.exempt",
    f"{DATABASE}field.expires_at",
    "module.firestore.google_project_iam_member.writes_records",
    "module.firestore.google_project_iam_member.reads_records",
    "module.documents.google_storage_bucket_iam_member.reads",
    "module.documents.google_project_iam_member.uses_billing_project",
    "module.build.google_storage_bucket_iam_member.build_reads_packages",
    "module.build.google_project_iam_member.build_reads_sources",
    "module.build.google_project_iam_member.build_writes_logs",
    "module.build.google_artifact_registry_repository_iam_member.build_writes_images",
    "module.build.google_artifact_registry_repository_iam_member.agent_reads_images",
)
"""What every function needs before it is built, or serves."""

OF_TASKS = (
    "module.queues.google_cloud_tasks_queue_iam_member.this",
    "module.queues.google_service_account_iam_member.acts_as_tasks",
)
"""What dispatcher and upload function need as well."""

OF_QUESTIONS = (
    "google_firestore_field.ask_expires_at",
    "google_project_iam_member.writes_what_questions_cost",
)
"""What the ask function needs as well."""

SERVICES = "terraform_data.services"
ALERTS = "module.monitoring.google_monitoring_alert_policy.this"
OBJECTIVE = "module.monitoring.google_monitoring_slo.freshness"
NEEDS_NO_SERVICE = "google_project_service.this"
METRICS = "module.monitoring.google_logging_metric.counter"
JOBS = "google_cloud_scheduler_job.this"

Graph = dict[str, set[str]]

STATE = {
    "version": 4,
    "terraform_version": "1.11.0",
    "serial": 1,
    "lineage": "a-test",
    "outputs": {},
    "resources": [
        {
            "mode": "managed",
            "type": "terraform_data",
            "name": "services",
            "provider": 'provider["terraform.io/builtin/terraform"]',
            "instances": [{"schema_version": 0, "attributes": {"id": "1"}}],
        }
    ],
    "check_results": None,
}
"""A state with something to destroy, so that the configuration is evaluated."""


def with_local_state(workspace: Workspace, folder: Path) -> Workspace:
    """A copy whose state is a file: only tests need no backend."""
    copy = workspace.copy(folder)
    override = 'terraform {\n  backend "local" {}\n}\n'
    (copy.configuration / "backend_override.tf").write_text(override)
    assert copy.run("init", "-input=false").succeeded
    return copy


@pytest.fixture(scope="module")
def stateful(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return with_local_state(workspace, tmp_path_factory.mktemp("state") / "copy")


@pytest.fixture(scope="module")
def graph(stateful: Workspace) -> Graph:
    return graph_of(stateful)


def graph_of(workspace: Workspace) -> Graph:
    """What each resource waits for, further down included."""
    answer = workspace.run("graph")
    assert answer.succeeded, answer.text
    edges: Graph = {}
    for this, other in re.findall(r'"(\S+)" -> "(\S+)";', answer.text):
        edges.setdefault(this, set()).add(other)
    found: Graph = {}

    def below(node: str) -> set[str]:
        if node not in found:
            found[node] = set()
            for each in edges.get(node, set()):
                found[node] |= {each} | below(each)
        return found[node]

    for node in list(edges):
        below(node)
    return found


def missing(graph: Graph) -> set[tuple[str, str]]:
    """What should wait for something else, and doesn't."""
    wanted = {
        *((_function(name), each) for name in FUNCTIONS for each in (*AWAITED, SERVICES)),
        *((_function(name), each) for name in ("dispatcher", "upload") for each in OF_TASKS),
        *((_function("ask"), each) for each in OF_QUESTIONS),
        (JOBS, _function("dispatcher")),
        *((ALERTS, each) for each in (JOBS, METRICS)),
        *(
            (OBJECTIVE, each)
            for each in (JOBS, "module.monitoring.google_logging_metric.freshness")
        ),
        *((node, SERVICES) for node in graph if node.startswith(("module.", "google_"))),
    }
    return {
        (this, other)
        for this, other in wanted
        if other not in graph.get(this, set()) and this != NEEDS_NO_SERVICE
    }


def _function(name: str) -> str:
    return f"module.{name}.google_cloudfunctions2_function.this"


def test_everything_waits_for_what_it_needs(graph: Graph) -> None:
    assert missing(graph) == set()


def test_metrics_are_made_early(graph: Graph) -> None:
    assert JOBS not in graph[METRICS]


@pytest.mark.parametrize("name", [name for name, each in MUTATIONS.items() if each.test == "waits"])
def test_what_no_longer_waits_is_noticed(name: str, stateful: Workspace, tmp_path: Path) -> None:
    broken = stateful.copy(tmp_path / "broken")
    MUTATIONS[name].apply(broken.configuration)
    assert MUTATIONS[name].told in {other for _, other in missing(graph_of(broken))}


@pytest.fixture
def without_zips(stateful: Workspace, tmp_path: Path) -> Workspace:
    copy = stateful.copy(tmp_path / "copy")
    shutil.rmtree(copy.configuration.parent / "build")
    (copy.configuration / "terraform.tfstate").write_text(json.dumps(STATE))
    return copy


def test_destroy_needs_no_zips(without_zips: Workspace) -> None:
    answer = without_zips.run(
        "plan", "-destroy", "-input=false", "-var-file=environments/dev.tfvars"
    )
    assert answer.succeeded, answer.text
    assert "1 to destroy" in answer.text


def test_apply_says_how_to_make_the_zips(without_zips: Workspace) -> None:
    answer = without_zips.run("plan", "-input=false", "-var-file=environments/dev.tfvars")
    assert not answer.succeeded
    assert "dispatcher.zip: run make package." in answer.text


def test_destroy_with_zips_that_are_read_is_noticed(without_zips: Workspace) -> None:
    MUTATIONS["zips needed to destroy"].apply(without_zips.configuration)
    answer = without_zips.run(
        "plan", "-destroy", "-input=false", "-var-file=environments/dev.tfvars"
    )
    assert not answer.succeeded
    assert MUTATIONS["zips needed to destroy"].told in answer.text
