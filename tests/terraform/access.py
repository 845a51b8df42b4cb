"""What an account may do, according to the grants of a plan.

``predefined_roles.json`` has the permissions of each of Google's roles that the pipeline's accounts
have, as published in August 2026. What the custom roles permit is in the plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.terraform.workspace import Plan

PREDEFINED: dict[str, list[str]] = json.loads(
    Path(__file__).with_name("predefined_roles.json").read_text()
)

PLACES = {
    "google_project_iam_member": "project",
    "google_storage_bucket_iam_member": "bucket",
    "google_cloudfunctions2_function_iam_member": "cloud_function",
    "google_cloudfunctions2_function_iam_binding": "cloud_function",
    "google_cloud_run_v2_service_iam_member": "name",
    "google_cloud_run_v2_service_iam_binding": "name",
    "google_cloud_tasks_queue_iam_member": "name",
    "google_service_account_iam_member": "service_account_id",
    "google_pubsub_topic_iam_member": "topic",
}
"""The attribute that says what a grant is on."""

CLAUSE = re.compile(r'resource\.name( == |\.startsWith\()"([^"]+)"\)?')


@dataclass(frozen=True, slots=True)
class Grant:
    """One role of one member.

    Attributes:
        on: Name of the resource, or id of the project.
        condition: "" if there is none.
    """

    member: str
    role: str
    on: str
    condition: str
    permissions: frozenset[str]

    def covers(self, resource: str) -> bool:
        """Whether the condition admits a resource of this full name."""
        if not self.condition:
            return True
        clauses = self.condition.split(" || ")
        found = [CLAUSE.fullmatch(clause) for clause in clauses]
        assert all(found), f"not understood: {self.condition}"
        return any(
            resource.startswith(each[2]) if "startsWith" in each[1] else resource == each[2]
            for each in found
            if each is not None
        )


def grants(plan: Plan, account: str) -> Iterator[Grant]:
    """The grants of the account whose address starts with ``account@``."""
    for kind, place in PLACES.items():
        for grant in plan.of_type(kind).values():
            for member in grant.get("members") or [grant.get("member")]:
                if member and member.startswith(f"serviceAccount:{account}@"):
                    yield Grant(
                        member,
                        grant["role"],
                        grant[place],
                        _expression(grant),
                        permissions(plan, grant["role"]),
                    )


def permissions(plan: Plan, role: str) -> frozenset[str]:
    if role in PREDEFINED:
        return frozenset(PREDEFINED[role])
    (found,) = (
        custom["permissions"]
        for custom in plan.of_type("google_project_iam_custom_role").values()
        if role.endswith(f"/roles/{custom['role_id']}")
    )
    return frozenset(found)


def may(plan: Plan, account: str, permission: str, on: str, resource: str = "") -> bool:
    """Whether the account has the permission, by a grant on the resource or on the project.

    Args:
        plan: The plan with the grants.
        account: Name of the account, as in the tests' mocks.
        permission: What it wants to do.
        on: What a grant may be on: name of the resource, beside the project.
        resource: The full name that conditions look at.
    """
    return any(
        permission in grant.permissions
        and grant.on in (on, project_of(plan))
        and grant.covers(resource)
        for grant in grants(plan, account)
    )


def name_of(plan: Plan) -> str:
    """The prefix of all names of the deployment."""
    name: str = plan.resources["module.pipeline[0].google_cloudbuild_trigger.apply"]["name"]
    return name.removesuffix("-apply")


def project_of(plan: Plan) -> str:
    name: str = plan.resources["module.pipeline[0].google_storage_bucket.plans"]["name"]
    return name.removesuffix(f"-{name_of(plan)}-plans")


def kind_of(address: str) -> str:
    """The type of a resource, which has keys in its address that may hold anything."""
    return re.sub(r'\["[^"]*"\]', "", address).split(".")[-2]


def _expression(grant: Any) -> str:
    return "".join(each["expression"] for each in grant.get("condition") or [])
