"""Both builds of the pipeline, step by step, with real plans: from a merge to its apply."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.packaging import ROOT
from local.terraform.workspace import Plan, Workspace
from steps import bundle
from steps.lineage import last_applied
from tests.terraform.pipeline.builds import (
    SMALL,
    Machine,
    Outcome,
    bound,
    checked_out,
    committed,
    git,
    repository,
)
from tests.terraform.pipeline.services import DEPLOYER, PLANS, TOPIC, Services

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(1200)]

PLAN = yaml.safe_load((ROOT / "terraform/modules/pipeline/plan.yaml").read_text())


@pytest.fixture(scope="session")
def planned(plans: dict[str, Plan]) -> Plan:
    return plans["prod"]


class Pipeline:
    """A repository, and the builds of its commits."""

    def __init__(
        self,
        folder: Path,
        played: Services,
        planned: Plan,
        environment: Mapping[str, str],
        configuration: str | None = SMALL,
    ) -> None:
        self.repository = repository(folder / "repository", configuration)
        self.machine = Machine(folder / "bin", played.google, environment)
        self.played = played
        self._folder = folder
        trigger = planned.resources["module.pipeline[0].google_cloudbuild_trigger.apply"]
        self._steps: list[dict[str, Any]] = trigger["build"][0]["step"]
        self._substitutions: dict[str, str] = trigger["substitutions"] | {
            "_DEPLOYER": DEPLOYER,
            "_DISPATCHER_URL": played.dispatcher,
            "_PLANS_BUCKET": PLANS,
            "_STATUS_URL": played.status,
        }
        self._builds = 0

    def plan(self) -> Outcome:
        build, folder = self._next()
        checked_out(self.repository, folder)
        substitutions = {
            "BUILD_ID": build,
            "COMMIT_SHA": git(folder, "rev-parse", "HEAD").strip(),
            "_DEPLOYMENT": "prod",
            "_PLANS_BUCKET": PLANS,
            "_STATE_BUCKET": "state",
            "_TOPIC": TOPIC,
        }
        return self.machine.run(PLAN["steps"], substitutions, folder)

    def message(self) -> dict[str, str]:
        return self.played.published[-1]

    def apply(self, message: Mapping[str, str]) -> Outcome:
        build, folder = self._next()
        folder.mkdir()
        substitutions = bound(self._substitutions, message) | {"BUILD_ID": build}
        return self.machine.run(self._steps, substitutions, folder)

    def applied(self) -> list[str]:
        """What Terraform was told to apply, and to plan after it."""
        return self.machine.told.read_text().splitlines() if self.machine.told.exists() else []

    def _next(self) -> tuple[str, Path]:
        self._builds += 1
        return f"build-{self._builds}", self._folder / f"build-{self._builds}"


@pytest.fixture
def pipeline(tmp_path: Path, played: Services, planned: Plan, workspace: Workspace) -> Pipeline:
    played.answers["POST /dispatcher/sync"] = [(202, {"batch_id": "b1", "status_url": "-"})]
    played.answers["GET /status/batches/b1"] = [(200, {"status": "completed"})]
    return Pipeline(tmp_path, played, planned, workspace.environment)


def merged(pipeline: Pipeline, name: str) -> str:
    """A commit on the branch that adds one more resource."""
    (pipeline.repository / "terraform" / f"{name}.tf").write_text(
        SMALL.partition("\n\n")[2].replace('"this"', f'"{name}"')
    )
    return committed(pipeline.repository, name)


def test_what_was_merged_is_planned_published_and_applied_as_approved(pipeline: Pipeline) -> None:
    outcome = pipeline.plan()
    assert outcome.succeeded, outcome.log
    assert outcome.steps == ["package", "history", "plan", "review", "publish"]
    message = pipeline.message()
    assert message["summary"] == "Plan: 1 to add, 0 to change, 0 to destroy."
    approved = plan_in(pipeline, message)

    merged(pipeline, "later")
    assert pipeline.plan().succeeded
    later = pipeline.message()

    applying = pipeline.apply(message)
    assert applying.succeeded, applying.log
    assert [step for step in applying.steps if not step.startswith("write ")] == [
        "fetch",
        "compare",
        "review",
        "begin",
        "apply",
        "nothing-left",
        "smoke-test",
    ]
    assert pipeline.applied() == [
        "apply -input=false -lock-timeout=10m ../plan.tfplan",
        approved,
        "plan -input=false -lock-timeout=10m -detailed-exitcode -var-file=environments/prod.tfvars",
    ]
    assert last_applied(pipeline.played.google, PLANS).commit == message["commit"]
    assert "The dry run b1 completed." in applying.log

    assert pipeline.apply(later).succeeded
    assert last_applied(pipeline.played.google, PLANS).commit == later["commit"]


def plan_in(pipeline: Pipeline, message: Mapping[str, str]) -> str:
    """The sha256 of the plan in a published bundle."""
    stored = pipeline.played.google.read(PLANS, message["object"], int(message["generation"]))
    assert stored is not None
    with tarfile.open(fileobj=io.BytesIO(stored.content)) as archive:
        plan = archive.extractfile("plan.tfplan")
        assert plan is not None
        return hashlib.sha256(plan.read()).hexdigest()


def test_a_plan_that_is_not_what_its_text_says_is_refused(pipeline: Pipeline) -> None:
    assert pipeline.plan().succeeded
    harmless = pipeline.message()
    merged(pipeline, "harmful")
    assert pipeline.plan().succeeded
    harmful = pipeline.message()
    google = pipeline.played.google
    name = bundle.text_beside(harmful["object"])
    shown = google.read(PLANS, bundle.text_beside(harmless["object"]))
    hidden = google.read(PLANS, name)
    assert shown is not None
    assert hidden is not None
    google.write(PLANS, name, shown.content, hidden.generation)

    outcome = pipeline.apply(harmful | {"summary": harmless["summary"]})
    assert outcome.steps[-1] == "compare"
    assert "The plan isn't the text that was approved." in outcome.log
    assert pipeline.applied() == []
    assert last_applied(google, PLANS).commit is None


def test_a_plan_that_was_tampered_with_is_refused(pipeline: Pipeline) -> None:
    assert pipeline.plan().succeeded
    message = pipeline.message()
    google = pipeline.played.google
    google.write(PLANS, message["object"], b"tampered", int(message["generation"]))
    outcome = pipeline.apply(message)
    assert outcome.steps[-1] == "fetch"
    assert pipeline.applied() == []


def test_a_commit_of_another_branch_is_refused(pipeline: Pipeline) -> None:
    first = git(pipeline.repository, "rev-parse", "HEAD").strip()
    merged(pipeline, "second")
    assert pipeline.plan().succeeded
    assert pipeline.apply(pipeline.message()).succeeded
    second = pipeline.message()["commit"]
    told = pipeline.applied()

    git(pipeline.repository, "reset", "--quiet", "--hard", first)
    merged(pipeline, "elsewhere")
    outcome = pipeline.plan()
    assert outcome.steps[-1] == "publish"
    assert f"doesn't contain {second}, which was applied last" in outcome.log
    assert len(pipeline.played.published) == 1
    assert pipeline.applied() == told


def test_what_is_left_after_an_apply_fails_the_build(pipeline: Pipeline) -> None:
    assert pipeline.plan().succeeded
    pipeline.machine.leaves(2)
    outcome = pipeline.apply(pipeline.message())
    assert outcome.steps[-1] == "nothing-left"
    assert not outcome.succeeded


def test_a_plan_that_opens_something_to_the_public_is_not_published(pipeline: Pipeline) -> None:
    (pipeline.repository / "terraform" / "open.tf").write_text(
        'resource "google_cloud_run_v2_service_iam_member" "open" {\n'
        '  name     = "fss-prod-status"\n'
        '  location = "us-central1"\n'
        '  role     = "roles/run.invoker"\n'
        '  member   = "allUsers"\n'
        "}\n"
    )
    committed(pipeline.repository, "open")
    outcome = pipeline.plan()
    assert outcome.steps[-1] == "review"
    assert not outcome.succeeded
    assert "google_cloud_run_v2_service_iam_member.open would be open to the public" in outcome.log
    assert pipeline.played.published == []


def test_the_first_plan_of_a_deployment_is_left_to_a_person(
    tmp_path: Path, played: Services, planned: Plan, workspace: Workspace
) -> None:
    pipeline = Pipeline(tmp_path, played, planned, workspace.environment, configuration=None)
    outcome = pipeline.plan()
    assert outcome.steps[-1] == "review", outcome.log
    assert not outcome.succeeded
    assert "google_service_account.this is for a person to create" in outcome.log
    assert "open to the public" not in outcome.log.partition("The pipeline doesn't apply")[0]
    assert played.published == []
