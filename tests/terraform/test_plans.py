"""What the plans say, against what the code says."""

from __future__ import annotations

import json
import math

import pytest

from local.stack.task_queues import rates
from local.terraform import differences
from local.terraform.workspace import Plan, Workspace
from shared.config import CommonSettings, SyncSettings
from shared.domain.throttle.tiers import load_tiers
from shared.gateways.ports import QueueName

pytestmark = pytest.mark.terraform

SYNCING = ("dispatcher", "upload")
DATABASE = "module.firestore.google_firestore_database.this"
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
    settings = CommonSettings.from_environment(environment_of(plan, "status"))
    assert settings.deployment == plan.resources[DATABASE]["name"][4:]
    assert settings.firestore_database == plan.resources[DATABASE]["name"]


@pytest.mark.parametrize("function", [*SYNCING, "status"])
def test_the_functions_are_told_nothing_they_would_ignore(plan: Plan, function: str) -> None:
    kind = SyncSettings if function in SYNCING else CommonSettings
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


def test_the_planned_rate_of_each_tier_is_the_one_that_python_reads(workspace: Workspace) -> None:
    tiers = load_tiers()
    runs = [
        f'run "{name}" {{\n  command = plan\n  variables {{ tier = "{name}" }}\n}}'
        for name in tiers
    ]
    mocks = 'mock_provider "google" {\n  source = "./tests/mocks"\n}'
    tests = workspace.configuration / "tests" / "tiers.tftest.hcl"
    tests.write_text("\n".join([mocks, *runs]), encoding="utf-8")
    try:
        plans = workspace.plans("dev", "tiers")
    finally:
        tests.unlink()
    for name, tier in tiers.items():
        variables = environment_of(plans[name], "upload") | KEY
        told = SyncSettings.from_environment(variables).tier
        for queue, rate in rates(tier).items():
            per_second, concurrent = queue_of(plans[name], queue)
            assert math.isclose(per_second, rate.per_second, rel_tol=1e-12)
            assert concurrent == rate.concurrent
        uploads, _ = queue_of(plans[name], QueueName.UPLOADS)
        assert math.isclose(uploads, told.dispatches_per_second, rel_tol=1e-12)


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
