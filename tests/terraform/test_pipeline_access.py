"""What the pipeline's accounts may do: all that their builds do, and no more than that."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from local.packaging import ROOT
from local.terraform.workspace import Plan
from steps.google_api import Google
from steps.review import PERMISSIONS, problems
from tests.terraform.access import grants, kind_of, may, name_of, project_of
from tests.terraform.test_cloudbuild import FILES, PIPELINE, loaded, substitutions_in

pytestmark = pytest.mark.terraform

ACCESS: dict[str, dict[str, Any]] = json.loads(PERMISSIONS.read_text())

CALLS = {
    "read": ["storage.objects.get"],
    "write": ["storage.objects.create"],
    "publish": ["pubsub.topics.publish"],
    "identity_token": ["iam.serviceAccounts.getOpenIdToken"],
}
"""What each call of Google's APIs needs. A write that replaces an object deletes one too."""

STATE_READ = ["storage.objects.list", "storage.objects.get"]
STATE_WRITE = [*STATE_READ, "storage.objects.create", "storage.objects.delete"]
"""What Terraform does with its state and, where it takes one, with the lock beside it."""

BY_MODULE = {
    "publish": {"publish", "read", "write"},
    "fetch": {"read"},
    "begin": {"write"},
    "smoke_test": {"identity_token"},
    "review": set(),
}
"""The calls of each step's module, those of ``lineage`` included."""


def bucket_of(plan: Plan, kind: str) -> str:
    return f"{project_of(plan)}-{name_of(plan)}-{kind}"


def objects(bucket: str, name: str) -> str:
    return f"projects/_/buckets/{bucket}/objects/{name}"


def calls_in(module: str) -> set[str]:
    tree = ast.parse((PIPELINE / "steps" / f"{module}.py").read_text())
    google = {name for name in vars(Google) if not name.startswith("_")}
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "google"
        and node.attr in google
    }


def test_the_tables_name_every_call_of_every_step() -> None:
    called_by_lineage = {"last_applied": "read", "record_apply": "write"}
    for module, calls in BY_MODULE.items():
        text = (PIPELINE / "steps" / f"{module}.py").read_text()
        indirect = {call for name, call in called_by_lineage.items() if f"{name}(" in text}
        assert calls_in(module) | indirect == calls, module
    assert calls_in("lineage") == {*called_by_lineage.values()}
    started = {
        step["script"].split("steps.")[1].split()[0]
        for name in FILES
        for step in loaded(name)["steps"]
        if "steps." in step["script"]
    }
    assert started == {*BY_MODULE}
    assert {call for calls in BY_MODULE.values() for call in calls} == {*CALLS}


def test_no_build_uses_a_tool_whose_permissions_no_table_names() -> None:
    for name in FILES:
        for step in loaded(name)["steps"]:
            for tool in ("gcloud", "gsutil", "bq ", "curl", "wget"):
                assert tool not in step["script"], step["id"]


def test_the_planner_may_do_what_its_build_does(plan: Plan) -> None:
    plans, topic = bucket_of(plan, "plans"), f"{name_of(plan)}-plans"
    new = objects(plans, "plans/1/b/bundle.tar.gz")
    assert may(plan, "planner", "storage.objects.get", plans, objects(plans, "applied.json"))
    assert may(plan, "planner", "storage.objects.create", plans, new)
    assert may(plan, "planner", "pubsub.topics.publish", topic)
    for permission in STATE_READ:
        assert may(plan, "planner", permission, "example-state", state(plan, permission))


def test_the_deployer_may_do_what_its_build_does(plan: Plan) -> None:
    plans = bucket_of(plan, "plans")
    record = objects(plans, "applied.json")
    one = objects(plans, "plans/1/b/bundle.tar.gz")
    assert may(plan, "deployer", "storage.objects.get", plans, one)
    for permission in ("storage.objects.get", "storage.objects.create", "storage.objects.delete"):
        assert may(plan, "deployer", permission, plans, record)
    for permission in STATE_WRITE:
        assert may(plan, "deployer", permission, "example-state", state(plan, permission))
    (own,) = (grant.on for grant in grants(plan, "deployer") if "OpenIdTokenCreator" in grant.role)
    assert own.endswith("/deployer")
    for function in ("dispatcher", "status"):
        assert may(plan, "deployer", "run.routes.invoke", f"{name_of(plan)}-{function}")


def state(plan: Plan, permission: str) -> str:
    """The resource that is asked about: listing is a permission on the bucket."""
    bucket = "example-state"
    if permission == "storage.objects.list":
        return f"projects/_/buckets/{bucket}"
    return objects(bucket, f"{name_of(plan)[4:]}/default.tfstate")


@pytest.mark.parametrize("account", ["planner", "deployer"])
def test_who_plans_and_who_applies_reads_every_planned_type(account: str, plan: Plan) -> None:
    declared = {
        kind
        for file in (ROOT / "terraform").rglob("*.tf")
        for kind in re.findall(r'^(?:resource|data) "(\w+)"', file.read_text(), re.MULTILINE)
    }
    missing = ({kind_of(address) for address in plan.resources} | declared) - {*ACCESS}
    assert not missing, f"steps/permissions.json says nothing of {missing}"
    for kind, access in ACCESS.items():
        place = access.get("read_on", "project")
        if place == "billing account":  # nothing of a project reaches it: docs/deploy.md says so
            continue
        on = bucket_of(plan, place) if place != "project" else "-"
        for permission in access["read"]:
            assert may(plan, account, permission, on), f"{kind}: {permission}"


def names(plan: Plan, kind: str) -> list[str]:
    found = [each["name"] for each in plan.of_type(kind).values()]
    assert found
    return found


def places(plan: Plan, kind: str) -> list[tuple[str, str]]:
    """Where the deployer has grants for a type: what they are on, and the resource's full name."""
    packages = bucket_of(plan, "packages")
    found: Mapping[str, list[tuple[str, str]]] = {
        "project": [("-", "")],
        "functions": [(each, "") for each in names(plan, "google_cloudfunctions2_function")],
        "queues": [(each, "") for each in names(plan, "google_cloud_tasks_queue")],
        "packages": [(packages, objects(packages, "upload-1.zip"))],
        "database": [
            ("-", f"projects/{project_of(plan)}/databases/{each}")
            for each in names(plan, "google_firestore_database")
        ],
    }
    return found[ACCESS[kind]["apply_on"]]


@pytest.mark.parametrize("kind", [kind for kind, access in ACCESS.items() if "apply" in access])
def test_who_applies_may_do_what_the_review_lets_through(kind: str, plan: Plan) -> None:
    for needed in ACCESS[kind]["apply"].values():
        for permission in needed:
            for on, resource in places(plan, kind):
                assert may(plan, "deployer", permission, on, resource), f"{permission} on {on}"


OF_OTHERS = [
    ("storage.objects.get", "example-documents", objects("example-documents", "a.md")),
    ("storage.objects.get", "example-state", objects("example-state", "another/default.tfstate")),
    ("storage.objects.create", "example-state", objects("example-state", "another/default.tflock")),
    ("cloudfunctions.functions.update", "fss-another-upload", ""),
    ("cloudtasks.queues.update", "fss-another-uploads", ""),
    ("datastore.schemas.update", "-", "projects/p/databases/fss-another"),
    ("datastore.entities.get", "-", ""),
    ("secretmanager.versions.access", "-", ""),
    ("secretmanager.secrets.update", "-", ""),
    ("iam.serviceAccounts.create", "-", ""),
    ("iam.serviceAccounts.getAccessToken", "projects/p/serviceAccounts/dispatcher", ""),
    ("cloudbuild.builds.create", "-", ""),
    ("cloudbuild.builds.approve", "-", ""),
    ("resourcemanager.projects.setIamPolicy", "-", ""),
    ("run.services.setIamPolicy", "-", ""),
]


@pytest.mark.parametrize(("permission", "on", "resource"), OF_OTHERS)
@pytest.mark.parametrize("account", ["checker", "planner", "deployer"])
def test_nobody_may_do_what_is_not_for_the_pipeline(
    account: str, permission: str, on: str, resource: str, plan: Plan
) -> None:
    assert not may(plan, account, permission, on, resource)


def test_the_planner_replaces_and_approves_nothing(plan: Plan) -> None:
    plans = bucket_of(plan, "plans")
    for name in ("applied.json", "plans/1/b/bundle.tar.gz"):
        assert not may(plan, "planner", "storage.objects.delete", plans, objects(plans, name))
    assert not may(plan, "planner", "storage.objects.create", plans, objects(plans, "applied.json"))


@pytest.mark.parametrize("account", ["planner", "deployer"])
def test_a_record_that_is_not_there_is_told_from_one_that_is_forbidden(
    account: str, plan: Plan
) -> None:
    plans = bucket_of(plan, "plans")
    assert may(plan, account, "storage.objects.list", plans, f"projects/_/buckets/{plans}")


def test_who_checks_has_one_bucket_for_its_log(plan: Plan) -> None:
    assert {grant.on for grant in grants(plan, "checker")} == {bucket_of(plan, "checks")}


def test_the_record_of_applies_does_not_expire(plan: Plan) -> None:
    bucket = plan.resources["module.pipeline[0].google_storage_bucket.plans"]
    conditions = [rule["condition"][0] for rule in bucket["lifecycle_rule"]]
    assert [each["matches_prefix"] for each in conditions] == [["plans/"]]


@pytest.mark.parametrize("name", FILES)
def test_each_trigger_sets_what_its_build_uses(name: str, plan: Plan) -> None:
    trigger = plan.resources[f"module.pipeline[0].google_cloudbuild_trigger.{name}"]
    wanted = substitutions_in(name)
    assert wanted <= {*trigger["substitutions"]}
    unused = {*trigger["substitutions"]} - wanted
    assert all(each.endswith("_IMAGE") for each in unused)


def test_the_trigger_that_applies_has_the_files_steps(plan: Plan) -> None:
    trigger = plan.resources["module.pipeline[0].google_cloudbuild_trigger.apply"]
    (build,) = trigger["build"]
    written = [step["id"] for step in build["step"] if step["id"].startswith("write ")]
    assert written == [f"write {file.name}" for file in sorted((PIPELINE / "steps").glob("*.*"))]
    rest = build["step"][len(written) :]
    keys = ("id", "name", "dir", "env", "script")
    assert [{key: step.get(key) for key in keys} for step in rest] == [
        {key: step.get(key) for key in keys} for step in loaded("apply")["steps"]
    ]
    assert not trigger.get("source_to_build")
    assert not trigger.get("git_file_source")


def test_a_first_apply_is_for_a_person(plan: Plan) -> None:
    changes = [
        {
            "address": address,
            "mode": "managed",
            "type": kind_of(address),
            "change": {"actions": ["create"], "after": values},
        }
        for address, values in plan.resources.items()
    ]
    found = problems({"resource_changes": changes}, ACCESS)
    assert any("is for a person to create" in line for line in found)
    assert not any("open to the public" in line for line in found)
