"""What Cloud Monitoring accepts as an alert, over everything that the variables admit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local.packaging import ROOT
from local.terraform.workspace import Plan, Workspace
from tests.terraform.test_plans import planned

pytestmark = pytest.mark.terraform

HOUR = 3600
LIMIT = 25 * HOUR
"""Look-back and duration of a PromQL alert together; longer ones are a preview:
https://docs.cloud.google.com/monitoring/alerts/using-promql"""

SECONDS = {"s": 1, "m": 60, "h": HOUR, "d": 24 * HOUR}

MONITORING = """
    name                  = "fss-test"
    services              = { dispatcher = "d", upload = "u", status = "s" }
    queues                = { uploads = "u", polls = "p", control = "c" }
    rate                  = 1
    notification_channels = []
    freshness_hours       = 12
    documentation_url     = null
    supervisor_job        = "j"
"""


def admitted_periods() -> range:
    text = (ROOT / "terraform" / "variables.tf").read_text()
    found = re.search(r"period_hours >= (\d+) && var\.sync\.period_hours <= (\d+)", text)
    assert found is not None
    return range(int(found[1]), int(found[2]) + 1)


@pytest.fixture(scope="module")
def by_period(workspace: Workspace) -> dict[int, Plan]:
    runs = {
        f"every_{hours}_hours": f"{MONITORING}\n sync_period_hours = {hours}"
        for hours in admitted_periods()
    }
    plans = planned(workspace, "periods", runs, "./modules/monitoring")
    return dict(zip(admitted_periods(), plans.values(), strict=True))


def conditions(plan: Plan) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for address, policy in plan.of_type("google_monitoring_alert_policy").items():
        for condition in policy["conditions"]:
            for promql in condition["condition_prometheus_query_language"]:
                yield re.findall(r'\["(.+)"\]', address)[0], promql


def look_back(query: str) -> int:
    """The longest range of a query, offsets included, in seconds."""
    found = re.findall(r"\[(\d+)([smhd])\](?: offset (\d+)([smhd]))?", query)
    return max(
        int(n) * SECONDS[unit] + (int(more) * SECONDS[other] if more else 0)
        for n, unit, more, other in found
    )


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def test_an_alert_looks_back_and_waits_for_less_than_25_hours(by_period: dict[int, Plan]) -> None:
    for hours, plan in by_period.items():
        for name, promql in conditions(plan):
            assert look_back(promql["query"]) + seconds(promql["duration"]) < LIMIT, (hours, name)
            assert seconds(promql["duration"]) % 30 == 0


def test_a_missing_sync_is_told_after_two_periods_or_as_late_as_can_be(
    by_period: dict[int, Plan],
) -> None:
    for hours, plan in by_period.items():
        promql = dict(conditions(plan))["no-completed-sync"]
        told_after = look_back(promql["query"]) + seconds(promql["duration"])
        assert told_after == min(2 * hours * HOUR, LIMIT - HOUR // 6)
        assert told_after >= (hours + 5 / 6) * HOUR  # a sync may take longer than the one before


def test_two_refusals_in_a_row_are_told_at_every_period(by_period: dict[int, Plan]) -> None:
    for hours, plan in by_period.items():
        seen = look_back(dict(conditions(plan))["refusal-repeats"]["query"])
        assert seen > hours * HOUR
        assert seen == min(3 * hours * HOUR, LIMIT - HOUR // 6)


def sections(page: str) -> dict[str, str]:
    """The sections on alerts, by the fragment that leads to each."""
    alerts = page.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    found = re.findall(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", alerts, re.DOTALL | re.MULTILINE)
    return {slug(title): text for title, text in found}


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def test_every_alert_leads_to_its_section_and_every_section_has_an_alert(plan: Plan) -> None:
    told = sections((ROOT / "docs" / "operations.md").read_text())
    scheduled = {"no-completed-sync-for-too-long", "syncs-are-refused-again-and-again"}
    scheduled |= {"changes-are-searchable-too-late"}
    led_to = set()
    for policy in plan.of_type("google_monitoring_alert_policy").values():
        content = policy["documentation"][0]["content"]
        (fragment,) = re.findall(r"docs/operations\.md#([a-z0-9-]+)$", content)
        led_to.add(fragment)
        assert "**Look at**" in told[fragment]
        assert "**Do**" in told[fragment]
    assert set(told) - led_to in (set(), scheduled)


def test_an_alert_has_a_link_where_the_documentation_has_an_address(workspace: Workspace) -> None:
    base = "https://example.com/search/docs"
    variables = MONITORING.replace("= null", f'= "{base}"') + "\n sync_period_hours = 6"
    (plan,) = planned(workspace, "links", {"linked": variables}, "./modules/monitoring").values()
    for policy in plan.of_type("google_monitoring_alert_policy").values():
        (link,) = policy["documentation"][0]["links"]
        assert link["url"].startswith(f"{base}/operations.md#")
        assert policy["documentation"][0]["content"].endswith(link["url"])
        assert 0 < len(link["display_name"]) <= 63  # the service's limit


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(increase(a[15m])) > 0", 900),
        ("sum(increase(a[1h])) / sum(increase(a[2d] offset 1h))", 49 * HOUR),
    ],
)
def test_the_longest_range_of_a_query_counts(query: str, expected: int) -> None:
    assert look_back(query) == expected
