"""The review of a plan: what is open to the public fails it, and what is for a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steps.review import PERMISSIONS, problems

ALLOWED = json.loads(PERMISSIONS.read_text())


def change(kind: str, *actions: str, mode: str = "managed", **after: Any) -> dict[str, Any]:
    return {
        "address": f"{kind}.this",
        "mode": mode,
        "type": kind,
        "change": {"actions": list(actions), "after": None if actions == ("delete",) else after},
    }


def found(*changes: dict[str, Any]) -> list[str]:
    return problems({"resource_changes": list(changes)}, ALLOWED)


PUBLIC: dict[str, tuple[str, dict[str, Any]]] = {
    "a member": ("google_cloud_run_v2_service_iam_binding", {"members": ["allUsers"]}),
    "one of many": ("google_x_iam_binding", {"members": ["user:a@b.c", "allAuthenticatedUsers"]}),
    "a single member": ("google_project_iam_member", {"member": "allUsers"}),
    "a whole policy": ("google_x_iam_policy", {"policy_data": '{"members":["allUsers"]}'}),
    "an entity": ("google_storage_bucket_access_control", {"entity": "allUsers"}),
    "an entity with its role": (
        "google_storage_bucket_acl",
        {"role_entity": ["READER:allAuthenticatedUsers"]},
    ),
    "a predefined ACL": ("google_storage_bucket_acl", {"predefined_acl": "publicReadWrite"}),
    "without IAM's check": ("google_cloud_run_v2_service", {"invoker_iam_disabled": True}),
    "without it, as an annotation": (
        "google_cloud_run_service",
        {"metadata": [{"annotations": {"run.googleapis.com/invoker-iam-disabled": "true"}}]},
    ),
    "deep inside": ("google_x", {"a": [{"b": {"c": ["ALLUSERS"]}}]}),
}


@pytest.mark.parametrize("actions", [("create",), ("update",), ("delete", "create"), ("no-op",)])
@pytest.mark.parametrize("case", PUBLIC)
def test_what_would_be_public_is_found(case: str, actions: tuple[str, ...]) -> None:
    kind, after = PUBLIC[case]
    assert any("open to the public" in line for line in found(change(kind, *actions, **after)))


def test_words_that_are_no_member_are_no_problem() -> None:
    script = "# refuse allUsers and publicRead"
    kept = change("google_cloudbuild_trigger", "no-op", build=[{"step": [{"script": script}]}])
    assert found(kept) == []


def test_what_ceases_to_be_public_is_not() -> None:
    removed = found(change("google_x_iam_binding", "delete", members=["allUsers"]))
    assert removed == ["google_x_iam_binding.this is for a person to delete"]


def test_the_check_that_stays_on_is_no_problem() -> None:
    kept = change("google_cloud_run_v2_service", "no-op", invoker_iam_disabled=False)
    assert found(kept) == []


EVERYDAY = [
    ("google_cloudfunctions2_function", "update"),
    ("google_storage_bucket_object", "create"),
    ("google_storage_bucket_object", "delete"),
    ("google_cloud_tasks_queue", "update"),
    ("google_cloud_scheduler_job", "update"),
    ("google_firestore_index", "create"),
    ("google_firestore_field", "update"),
    ("google_monitoring_alert_policy", "create"),
    ("google_monitoring_dashboard", "update"),
    ("google_logging_metric", "delete"),
]


@pytest.mark.parametrize(("kind", "action"), EVERYDAY)
def test_everyday_changes_are_for_the_pipeline(kind: str, action: str) -> None:
    assert found(change(kind, action)) == []


FOR_A_PERSON = [
    ("google_project_iam_member", "create"),
    ("google_project_iam_custom_role", "update"),
    ("google_service_account", "create"),
    ("google_service_account_iam_member", "create"),
    ("google_secret_manager_secret", "update"),
    ("google_secret_manager_secret_iam_member", "delete"),
    ("google_cloudbuild_trigger", "update"),
    ("google_cloud_run_v2_service_iam_binding", "update"),
    ("google_storage_bucket", "update"),
    ("google_firestore_database", "update"),
    ("google_cloudfunctions2_function", "create"),
    ("google_cloudfunctions2_function", "delete"),
    ("google_cloud_tasks_queue", "delete"),
    ("google_firestore_index", "forget"),
    ("google_of_tomorrow", "create"),
]


@pytest.mark.parametrize(("kind", "action"), FOR_A_PERSON)
def test_what_the_deployer_may_not_do_is_for_a_person(kind: str, action: str) -> None:
    assert found(change(kind, action)) == [f"{kind}.this is for a person to {action}"]


def test_a_replaced_function_is_for_a_person() -> None:
    replaced = change("google_cloudfunctions2_function", "delete", "create")
    assert found(replaced) == [
        "google_cloudfunctions2_function.this is for a person to create and delete"
    ]


def test_what_is_only_read_or_stays_is_no_problem() -> None:
    read = change("google_project", "read", mode="data")
    kept = change("google_project_iam_member", "no-op", member="user:a@example.com")
    assert found(read, kept) == []
