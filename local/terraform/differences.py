"""Writes docs/environments.md: how the environments differ, according to their Terraform plans.

Every difference needs a reason here, so that an unintended one is noticed. To write the page, run
`python -m local.terraform.differences`; a test compares the page with the plans.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.packaging import ROOT
from local.terraform.workspace import ENVIRONMENTS, CannotCheck, Plan, Workspace

PAGE = ROOT / "docs" / "environments.md"

ABSENT = "—"
"""Shown when an environment does not have the resource or the attribute."""

MADE_UP = ("deletion_policy", "project", "unique_id")
"""Attributes of service accounts that the mocked provider fills with random values."""

REASONS: Mapping[tuple[str, str], str] = {
    ("google_cloud_scheduler_job", "paused"): "dev syncs when someone asks",
    ("google_cloud_scheduler_job", "schedule"): "prod sees changes within hours",
    ("google_cloud_tasks_queue", "max_concurrent_dispatches"): "the tier",
    ("google_cloud_tasks_queue", "max_dispatches_per_second"): "the tier: rpm / 60",
    ("google_cloud_tasks_queue", "sampling_ratio"): "prod's queues log too much to pay for",
    ("google_cloudfunctions2_function", "SYNC_SCHEDULE"): "the schedule, where there is one",
    ("google_cloudfunctions2_function", "SYNC_TIME_ZONE"): "the schedule, where there is one",
    ("google_cloudfunctions2_function", "TIER"): "the tier",
    ("google_cloudfunctions2_function", "max_instance_count"): "follows the queues' concurrency",
    ("google_firestore_database", "delete_protection_state"): "prod survives terraform destroy",
    ("google_firestore_database", "deletion_policy"): "prod survives terraform destroy",
    ("google_firestore_database", "point_in_time_recovery_enablement"): "prod keeps its history",
    ("google_firestore_field", "deletion_policy"): "prod's database keeps its indexes",
    ("google_firestore_index", "deletion_policy"): "prod's database keeps its indexes",
    ("google_logging_metric", "filter"): "the schedule's period",
    ("google_monitoring_alert_policy", ""): "no sync is missed or refused where none is scheduled",
    ("google_monitoring_alert_policy", "content"): "the schedule's period",
    ("google_monitoring_alert_policy", "duration"): "the schedule's period",
    ("google_monitoring_alert_policy", "notification_channels"): "prod's alerts are heard",
    ("google_monitoring_alert_policy", "query"): "the schedule's period",
    ("google_monitoring_dashboard", "prometheusQuery"): "the tier's limit as a line",
    ("google_monitoring_slo", "display_name"): "the schedule's period",
    ("google_monitoring_slo", "max"): "the schedule's period",
    ("google_secret_manager_secret", "deletion_protection"): "prod survives terraform destroy",
    ("google_storage_bucket", "force_destroy"): "prod survives terraform destroy",
}
"""Why environments differ, by resource type and attribute; "" stands for the whole resource."""

_HEAD = """\
# How the environments differ

Made by `python -m local.terraform.differences` from a plan of each environment; don't edit it.
A difference without a reason in `local/terraform/differences.py` fails the tests. Projects, names
and addresses differ by design and are left out, as are the package hashes, which are the same
everywhere: one build is promoted from dev to prod.
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """An attribute that is not the same in all environments; `values` are in their order."""

    address: str
    attribute: str
    values: tuple[str, ...]

    @property
    def reason(self) -> str | None:
        """Why it may differ; None if no reason is given."""
        return REASONS.get((_kind(self.address), self.attribute.split(".")[-1]))


def differences(plans: Mapping[str, Plan]) -> list[Difference]:
    """The differences between the plans, apart from names."""
    flat = {name: _without_names(name, plan) for name, plan in plans.items()}
    addresses = sorted({address for resources in flat.values() for address in resources})
    return [found for address in addresses for found in _differences(address, list(flat.values()))]


def page(plans: Mapping[str, Plan]) -> str:
    """The text of the page for these plans."""
    rows = [
        [f"`{where}`", each.attribute, *each.values, each.reason or "**no reason given**"]
        for where, each in _together(differences(plans))
    ]
    counts = {name: Counter(map(_kind, plan.resources)) for name, plan in plans.items()}
    kinds = sorted({kind for counter in counts.values() for kind in counter})
    totals = [str(counter.total()) for counter in counts.values()]
    return "\n".join(
        [
            _HEAD,
            *_table(["resource", "attribute", *plans, "because"], rows),
            "\n## What each environment consists of\n",
            "With a pipeline, which `pipeline` in the environment's file asks for.\n",
            *_table(
                ["resource type", *plans],
                [[f"`{kind}`", *(str(c[kind]) for c in counts.values())] for kind in kinds]
                + [["in all", *totals]],
            ),
            "\n## Every resource\n",
            *(f"- `{address}`{_only(address, plans)}" for address in _addresses(plans)),
            "",
        ]
    )


def read_plans(folder: Path) -> dict[str, Plan]:
    """Plan every environment, in a copy of the configuration in `folder`.

    Raises:
        CannotCheck: Terraform or its provider is not available.
    """
    workspace = Workspace.prepare(folder)
    return {environment: workspace.plan(environment) for environment in ENVIRONMENTS}


def _without_names(environment: str, plan: Plan) -> dict[str, dict[str, str]]:
    """Each resource's attributes, flattened, as text, with the environment's own names replaced."""
    names = {
        f"example-search-{environment}": "PROJECT",
        f"fss-{environment}": "fss-DEPLOYMENT",
        f"fss_{environment}": "fss_DEPLOYMENT",
    }

    def text(value: object) -> str:
        written = value if isinstance(value, str) else json.dumps(value)
        for name, stand_in in names.items():
            written = written.replace(name, stand_in)
        return re.sub(rf"\b{environment}\b", "DEPLOYMENT", written)

    return {
        address: {
            attribute: text(value)
            for attribute, value in _flat(values)
            if _kind(address) != "google_service_account" or attribute not in MADE_UP
        }
        for address, values in plan.resources.items()
    }


def _flat(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flat(item, path if len(value) == 1 else f"{path}[{index}]")
    elif isinstance(value, str) and path.endswith("dashboard_json"):
        yield from _flat(json.loads(value), path)
    elif value is not None:
        yield path, value


def _differences(
    address: str, resources: Sequence[Mapping[str, Mapping[str, str]]]
) -> Iterator[Difference]:
    found = [each.get(address) for each in resources]
    if None in found:
        yield Difference(address, "", tuple(ABSENT if each is None else "yes" for each in found))
        return
    present = [each for each in found if each is not None]
    for attribute in sorted({name for each in present for name in each}):
        values = tuple(each.get(attribute, ABSENT) for each in present)
        if len(set(values)) > 1:
            yield Difference(address, attribute, values)


def _together(found: Sequence[Difference]) -> Iterator[tuple[str, Difference]]:
    """One of all that differ in the same way, with an address that stands for them."""
    alike: dict[tuple[str, str, tuple[str, ...]], list[Difference]] = {}
    for each in found:
        base = re.sub(r'\["[^]]+"\]', "[*]", each.address)
        alike.setdefault((base, each.attribute, each.values), []).append(each)
    for (base, _, _), group in alike.items():
        yield (group[0].address if len(group) == 1 else f"{base}, {len(group)} of them"), group[0]


def _kind(address: str) -> str:
    return str(re.findall(r"(?:^|\.)((?:google|terraform)_\w+)\.", address)[-1])


def _addresses(plans: Mapping[str, Plan]) -> list[str]:
    return sorted({address for plan in plans.values() for address in plan.resources})


def _only(address: str, plans: Mapping[str, Plan]) -> str:
    having = [name for name, plan in plans.items() if address in plan.resources]
    return "" if len(having) == len(plans) else f" ({' and '.join(having)} only)"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in cells]


def main() -> None:
    """Write the page."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            plans = read_plans(Path(folder))
    except CannotCheck as error:
        sys.exit(str(error))
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(plans))
    found = differences(plans)
    print(f"{PAGE.relative_to(ROOT)}: {len(found)} differences")
    unexplained = [f"{each.address} {each.attribute}" for each in found if each.reason is None]
    if unexplained:
        sys.exit("without a reason: " + ", ".join(unexplained))


if __name__ == "__main__":
    main()
