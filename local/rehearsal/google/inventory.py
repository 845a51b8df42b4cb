"""What a project holds: listed before anything is made and after everything was removed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from local.rehearsal.google.commands import Commands
from local.rehearsal.google.place import Place
from local.rehearsal.programs import Command, Programs, gcloud

_REGION = "REGION"
_PROJECT = "PROJECT"

_AGENT = re.compile(
    r"(service-\d+@[a-z0-9-]+\.iam|\d+(-compute)?@(cloudbuild|cloudservices|developer)"
    r"|[a-z0-9-]+@appspot)\.gserviceaccount\.com$"
)
"""Addresses of the accounts that Google's services act as, and of the default accounts."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of thing in a project.

    Attributes:
        name: What it is called.
        service: The service that has to be enabled for it to be listed.
        words: The gcloud command that lists it; REGION and PROJECT stand for the place's.
    """

    name: str
    service: str
    words: tuple[str, ...]

    def command(self, place: Place) -> Command:
        """Return the command for a place."""
        if _PROJECT in self.words:
            return gcloud(*(place.project if word == _PROJECT else word for word in self.words))
        words = [word.replace(_REGION, place.region) for word in self.words]
        return gcloud(*words, f"--project={place.project}")


def _kind(name: str, service: str, listed: str, field: str = "name") -> Kind:
    words = (*listed.split(), f"--format=value({field})")
    return Kind(name, f"{service}.googleapis.com", words)


SERVICES = "enabled services"
MEMBERS = "members with a role"

KINDS = (
    _kind("functions", "cloudfunctions", "functions list"),
    _kind("Cloud Run services", "run", "run services list", "metadata.name"),
    _kind("queues", "cloudtasks", f"tasks queues list --location={_REGION}"),
    _kind("scheduler jobs", "cloudscheduler", f"scheduler jobs list --location={_REGION}"),
    _kind("Firestore databases", "firestore", "firestore databases list"),
    _kind("secrets", "secretmanager", "secrets list"),
    _kind("buckets", "storage", "storage buckets list"),
    _kind("image repositories", "artifactregistry", "artifacts repositories list"),
    _kind("service accounts", "iam", "iam service-accounts list", "email"),
    _kind("custom roles", "iam", "iam roles list"),
    _kind("topics", "pubsub", "pubsub topics list"),
    _kind("build triggers", "cloudbuild", f"builds triggers list --region={_REGION}"),
    _kind("log-based metrics", "logging", "logging metrics list"),
    _kind("alert policies", "monitoring", "alpha monitoring policies list", "displayName"),
    _kind("notification channels", "monitoring", "beta monitoring channels list"),
    _kind("dashboards", "monitoring", "monitoring dashboards list", "displayName"),
    _kind(
        MEMBERS,
        "cloudresourcemanager",
        "projects get-iam-policy PROJECT --flatten=bindings[].members",
        "bindings.role,bindings.members",
    ),
)

Inventory = Mapping[str, list[str]]
"""The names of all things, by kind."""


def inventory_commands(place: Place) -> Iterator[Command]:
    """Yield the commands that list everything."""
    yield Commands(place).enabled_services()
    yield from (kind.command(place) for kind in KINDS)


def take_inventory(place: Place, programs: Programs) -> dict[str, list[str]]:
    """List everything. What belongs to a service that is not enabled can't be there.

    Raises:
        CommandFailed: Something could not be listed.
    """
    services = _lines(programs.run(Commands(place).enabled_services()))
    found = {SERVICES: services}
    for kind in KINDS:
        if kind.service in services:
            found[kind.name] = _lines(programs.run(kind.command(place)))
    return found


def added(before: Inventory, after: Inventory) -> dict[str, list[str]]:
    """Return what is there now and was not before, by kind."""
    more = {
        kind: [name for name in names if name not in before.get(kind, ())]
        for kind, names in after.items()
    }
    return {kind: names for kind, names in more.items() if names}


def not_googles_own(found: Inventory) -> dict[str, list[str]]:
    """Return what Google didn't make by itself when services were enabled, by kind."""
    more = {
        kind: [name for name in names if not is_googles_own(kind, name)]
        for kind, names in found.items()
    }
    return {kind: names for kind, names in more.items() if names}


def is_googles_own(kind: str, name: str) -> bool:
    """Whether Google makes a thing by itself, and keeps it when a deployment goes."""
    if kind == SERVICES:
        return True
    if kind == "buckets":
        return name.startswith(("gcf-v2-sources-", "gcf-v2-uploads-"))
    if kind == "image repositories":
        return name.rpartition("/")[2] == "gcf-artifacts"
    if kind == MEMBERS:
        return _AGENT.search(name) is not None or " user:" in name or " group:" in name
    return kind == "service accounts" and _AGENT.search(name) is not None


def _lines(text: str) -> list[str]:
    return sorted({" ".join(line.split()) for line in text.splitlines() if line.strip()})
