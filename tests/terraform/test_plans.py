"""What the plans say, against what the code says."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

import pytest

from local.packaging import ROOT
from local.stack.task_queues import rates
from local.terraform import differences
from local.terraform.workspace import Plan, Workspace
from shared.config import StatusSettings, SyncSettings
from shared.domain.throttle.tiers import load_tiers
from shared.gateways.ports import QueueName
from tests.benchmarks.price.instances import kinds
from tests.packaging.as_built import BUILD_VARIABLES

pytestmark = pytest.mark.terraform

SYNCING = ("dispatcher", "upload")
DATABASE = "module.firestore.google_firestore_database.this"
INSTANCES = (1, 20, 100)
"""Most instances of the upload function: the fewest, a new project's, and the most."""

KEY = {"GEMINI_API_KEY": "a-key"}


def environment_of(plan: Plan, function: str) -> dict[str, str]:
    resource = plan.resources[f"module.{function}.google_cloudfunctions2_function.this"]
    variables: dict[str, str] = resource["service_config"][0]["environment_variables"]
    return variables


def queue_of(plan: Plan, name: str) -> tuple[float, int]:
    limits = plan.resources[f'module.queues.google_cloud_tasks_queue.this["{name}"]'][
        "rate_limits"
    ][0]
    return limits["max_dispatches_per_second"], limits["max_concurrent_dispatches"]


@pytest.mark.parametrize("function", SYNCING)
def test_the_functions_accept_what_they_are_told(plan: Plan, function: str) -> None:
    variables = environment_of(plan, function)
    settings = SyncSettings.from_environment(variables | KEY)
    assert settings.deployment == plan.resources[DATABASE]["name"][4:]
    assert settings.firestore_database == plan.resources[DATABASE]["name"]
    for name, queue in settings.queue_ids.items():
        assert (
            plan.resources[f'module.queues.google_cloud_tasks_queue.this["{name}"]']["name"]
            == queue
        )


def test_the_status_function_accepts_what_it_is_told(plan: Plan) -> None:
    settings = StatusSettings.from_environment(environment_of(plan, "status"))
    sync = plan.resources['google_cloud_scheduler_job.this["sync"]']
    assert (settings.schedule is None) == sync["paused"]
    assert settings.deployment == plan.resources[DATABASE]["name"][4:]
    assert settings.firestore_database == plan.resources[DATABASE]["name"]


@pytest.mark.parametrize("function", [*SYNCING, "status"])
def test_the_functions_are_told_nothing_they_would_ignore(plan: Plan, function: str) -> None:
    kind = SyncSettings if function in SYNCING else StatusSettings
    served = {"THREADS", "WORKERS"}  # functions-framework's own
    known = {name.upper() for name in kind.model_fields}
    assert set(environment_of(plan, function)) <= known | served


def test_every_setting_of_the_functions_can_be_set(workspace: Workspace) -> None:
    wanted = {
        "prefix": "library/",
        "include": ["**/*.md", "**/*.txt"],
        "exclude": ["drafts/**"],
        "path_template": "{course}/{year:int}",
        "expected_fields": ["course"],
        "max_file_bytes": 1_000_000,
        "delete_policy": "add_only",
        "reconcile_days": 30,
        "max_imports_in_progress": 10,
        "max_cost_per_day": 2.5,
        "max_imports_per_sync": 1000,
        "store_display_name": "a store",
        "embedding_model": "models/an-embedding",
        "chunk_max_tokens": 200,
        "chunk_overlap_tokens": 20,
        "log_level": "DEBUG",
        "event_pause_seconds": 900,
    }
    settings = workspace.configuration / "settings.auto.tfvars.json"
    settings.write_text(json.dumps({"settings": wanted}))
    try:
        variables = environment_of(workspace.plan("dev"), "upload")
    finally:
        settings.unlink()
    read = SyncSettings.from_environment(variables | KEY)
    assert {name.upper() for name in wanted} <= set(variables)
    assert (read.max_file_bytes, read.max_imports_per_sync) == (1_000_000, 1000)
    assert read.max_cost_per_day == pytest.approx(2.5)
    assert [len(read.include), len(read.exclude), read.expected_fields] == [2, 1, ("course",)]


@pytest.fixture(scope="module")
def tiered(workspace: Workspace) -> dict[tuple[str, int], Plan]:
    """A plan of each tier with each of a few limits of instances."""
    cases = [(tier, instances) for tier in load_tiers() for instances in INSTANCES]
    runs = {
        f"{tier}_{instances}": f'tier = "{tier}"\nmax_upload_instances = {instances}'
        for tier, instances in cases
    }
    plans = planned(workspace, "tiers", runs)
    return {case: plans[name] for case, name in zip(cases, runs, strict=True)}


def planned(
    workspace: Workspace, name: str, runs: Mapping[str, str], module: str = ""
) -> dict[str, Plan]:
    """The plan of the root module, or of one module, with the variables of each run."""
    source = f'module {{\n source = "{module}"\n }}' if module else ""
    text = 'mock_provider "google" {\n  source = "./tests/mocks"\n}\n' + "\n".join(
        f'run "{run}" {{\n  command = plan\n  {source}\n  variables {{\n{variables}\n}}\n}}'
        for run, variables in runs.items()
    )
    tests = workspace.configuration / "tests" / f"{name}.tftest.hcl"
    tests.write_text(text, encoding="utf-8")
    try:
        if module:
            assert workspace.run("get").succeeded
        return workspace.plans("dev", name)
    finally:
        tests.unlink()


def test_the_planned_rate_of_each_tier_is_the_one_that_python_reads(
    tiered: dict[tuple[str, int], Plan],
) -> None:
    for name, tier in load_tiers().items():
        plan = tiered[name, max(INSTANCES)]
        told = SyncSettings.from_environment(environment_of(plan, "upload") | KEY).tier
        for queue, rate in rates(tier).items():
            per_second, concurrent = queue_of(plan, queue)
            assert math.isclose(per_second, rate.per_second, rel_tol=1e-12)
            assert (
                concurrent == rate.concurrent or name == "tier3"
            )  # beyond what a service may have
        uploads, _ = queue_of(plan, QueueName.UPLOADS)
        assert math.isclose(uploads, told.dispatches_per_second, rel_tol=1e-12)


def test_an_instance_is_as_the_price_of_a_file_assumes(
    tiered: dict[tuple[str, int], Plan],
) -> None:
    for tier in load_tiers().values():
        for function, kind in kinds(tier).items():
            plan = tiered[tier.name, max(INSTANCES)]
            planned = plan.resources[f"module.{function}.google_cloudfunctions2_function.this"]
            limits = planned["service_config"][0]
            found = (limits["available_cpu"], limits["available_memory"])
            assert found == (f"{kind.vcpu:g}", f"{kind.gib:g}Gi".replace("0.5Gi", "512Mi"))
            assert limits["max_instance_request_concurrency"] == kind.concurrency
            assert kind.vcpu >= 1 or kind.concurrency == 1
            assert planned["build_config"][0]["environment_variables"] == BUILD_VARIABLES


def test_no_queue_dispatches_more_than_the_instances_serve(
    tiered: dict[tuple[str, int], Plan],
) -> None:
    for (tier, instances), plan in tiered.items():
        config = plan.resources["module.upload.google_cloudfunctions2_function.this"]
        limits = config["service_config"][0]
        served = limits["max_instance_count"] * limits["max_instance_request_concurrency"]
        (_, uploads), (_, polls) = queue_of(plan, "uploads"), queue_of(plan, "polls")
        cpus = limits["max_instance_count"] * float(limits["available_cpu"])
        assert cpus <= instances
        assert uploads + polls <= served, (tier, instances)
        assert min(uploads, polls) >= 1


def test_fewer_instances_lower_both_queues_and_no_rate(tiered: dict[tuple[str, int], Plan]) -> None:
    for tier in load_tiers():
        few, many = tiered[tier, min(INSTANCES)], tiered[tier, max(INSTANCES)]
        for queue in ("uploads", "polls"):
            assert queue_of(few, queue)[0] == queue_of(many, queue)[0]
            assert queue_of(few, queue)[1] < queue_of(many, queue)[1]


def test_the_planned_budgets_are_those_that_python_keeps(plan: Plan) -> None:
    settings = SyncSettings.from_environment(environment_of(plan, "upload") | KEY)
    assert plan.outputs["budgets"] == {
        "work": settings.work_budget.total_seconds(),
        "watchdog": settings.watchdog_budget.total_seconds(),
        "function_timeout": settings.function_timeout.total_seconds(),
        "dispatch_deadline": settings.dispatch_deadline.total_seconds(),
        "claim": settings.rules().file.claim_lifetime.total_seconds(),
    }


def test_nothing_planned_is_open_to_the_public_or_runs_by_default_accounts(plan: Plan) -> None:
    planned = json.dumps(plan.resources)
    for word in ("allUsers", "allAuthenticatedUsers", "compute@developer", "@appspot"):
        assert word not in planned


def test_the_key_is_no_part_of_a_plan(plan: Plan) -> None:
    assert not plan.of_type("google_secret_manager_secret_version")
    for function in SYNCING:
        resource = plan.resources[f"module.{function}.google_cloudfunctions2_function.this"]
        secrets = resource["service_config"][0]["secret_environment_variables"]
        assert [(s["key"], s["version"]) for s in secrets] == [("GEMINI_API_KEY", "1")]


def test_grants_on_the_project_are_conditional_or_of_the_builders(plan: Plan) -> None:
    unbounded = {
        address
        for address, grant in plan.of_type("google_project_iam_member").items()
        if not grant["condition"] and not address.startswith("module.pipeline")
    }
    assert unbounded == {"module.build.google_project_iam_member.build_writes_logs"}


def test_every_resource_that_a_page_names_is_planned(full: Plan) -> None:
    planned = {re.sub(r"\[[^]]*\]", "", address) for address in full.resources}
    for page in ("docs/deploy.md", "docs/operations.md"):
        named = re.findall(r"(?:module\.\w+\.)?google_\w+\.\w+", (ROOT / page).read_text())
        assert set(named) <= planned, page


def test_the_page_on_environments_is_what_the_plans_say(plans: dict[str, Plan]) -> None:
    assert differences.PAGE.read_text() == differences.page(plans), (
        "make it anew: python -m local.terraform.differences"
    )


def test_every_difference_between_environments_has_a_reason(plans: dict[str, Plan]) -> None:
    found = differences.differences(plans)
    assert [each for each in found if each.reason is None] == []


def test_a_difference_that_nobody_meant_is_noticed(plans: dict[str, Plan]) -> None:
    queue = 'module.queues.google_cloud_tasks_queue.this["polls"]'
    changed = json.loads(json.dumps(plans["prod"].resources))
    changed[queue]["rate_limits"][0]["max_dispatches_per_second"] = 5
    changed[queue]["retry_config"][0]["min_backoff"] = "1s"
    del changed["module.build.google_storage_bucket.packages"]
    found = differences.differences(plans | {"prod": Plan(changed, plans["prod"].outputs)})
    unexplained = {(each.address, each.attribute) for each in found if each.reason is None}
    assert unexplained == {
        (queue, "retry_config.min_backoff"),
        ("module.build.google_storage_bucket.packages", ""),
    }
