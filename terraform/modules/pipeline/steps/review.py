"""What the pipeline applies of a plan, and what is left to a person.

Usage: python3 -m steps.review PLAN.json    with the output of `terraform show -json`
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

PERMISSIONS = Path(__file__).with_name("permissions.json")

PUBLIC = re.compile(
    r"([a-z]+:)?(allusers|allauthenticatedusers)|public-?read(-?write)?|authenticated-?read",
    re.IGNORECASE,
)
"""Values that open a resource to everybody: members, entities with or without a role, and ACLs."""

UNCHECKED = ("invoker_iam_disabled", "run.googleapis.com/invoker-iam-disabled")
"""Attributes and annotations that let callers in without asking IAM."""

HARMLESS = ({"no-op"}, {"read"})


def problems(plan: Mapping[str, Any], allowed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Why the pipeline must not apply this plan, a line each.

    Args:
        plan: The plan, as Terraform shows it in JSON.
        allowed: What the account that applies may do to each type of resource, permissions.json.
    """
    return [
        line
        for resource in plan["resource_changes"]
        for line in (*_public(resource), *_for_a_person(resource, allowed))
    ]


def _public(resource: Mapping[str, Any]) -> Iterator[str]:
    for path, value in _values(resource["change"]["after"]):
        if isinstance(value, str) and PUBLIC.fullmatch(value):
            yield f"{resource['address']} would be open to the public: {path} = {value!r}"
        if path.endswith(UNCHECKED) and value in (True, "true"):
            yield f"{resource['address']} would be open to the public: {path} is set"


def _for_a_person(
    resource: Mapping[str, Any], allowed: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    actions = set(resource["change"]["actions"])
    if resource["mode"] != "managed" or actions in HARMLESS:
        return
    refused = actions - set(allowed.get(resource["type"], {}).get("apply", {}))
    if refused:
        yield f"{resource['address']} is for a person to {' and '.join(sorted(refused))}"


def _values(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """All values below one, those of JSON in a text too, since a whole policy is such a text."""
    if isinstance(value, str) and value.startswith(("{", "[")):
        with suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _values(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, path)
    else:
        yield path, value


def main(file: str) -> None:
    """Print the problems of a plan; exit with 1 if there are any."""
    found = problems(json.loads(Path(file).read_text()), json.loads(PERMISSIONS.read_text()))
    for line in found:
        print(line)
    if found:
        sys.exit(
            "The pipeline doesn't apply this plan. What is open to the public is refused; the rest "
            'a person applies: docs/deploy.md, "What a person applies".'
        )
    print("Nothing is open to the public, and all of it is for the pipeline to apply.")


if __name__ == "__main__":
    main(*sys.argv[1:])
