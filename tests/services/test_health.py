"""What the dispatcher finds in order, and what not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import Forbidden, Unavailable
from shared.services.health import Finding, Health
from tests.services.story import world_with
from tests.world import World

KEY = "AQ.key"


def faults(world: World, key: str = KEY) -> dict[str, Finding]:
    found = Health(world.context, key, simulated=False).findings()
    return {each.check: each for each in found if not each.ok}


def test_a_deployment_is_in_order_before_and_after_its_first_sync() -> None:
    world = world_with("a.md")
    assert faults(world) == {}
    world.sync()
    found = Health(world.context, KEY, simulated=False).findings()
    assert [each.check for each in found] == [
        "records", "bucket", "queues", "queues", "queues", "key", "store",
    ]  # fmt: skip
    assert found[-1].detail.endswith(", 1 documents")


def test_a_key_of_the_kind_that_the_service_refuses_is_told() -> None:
    found = faults(world_with("a.md"), "AIzaX")["key"]
    assert "a standard key" in found.detail
    assert "AIzaX" not in f"{found.detail}{found.mend}"


@pytest.mark.parametrize("key", [KEY, "of a later kind"])
def test_no_other_form_of_a_key_is_a_fault(key: str) -> None:
    assert faults(world_with("a.md"), key) == {}


def test_a_simulator_takes_any_key() -> None:
    found = Health(world_with("a.md").context, "local", simulated=True).findings()
    assert all(each.ok for each in found)


def test_a_store_that_is_gone_is_told_with_the_way_on() -> None:
    world = world_with("a.md")
    world.sync()
    world.gemini.delete_store(world.gemini.list_stores().stores[0].name)
    assert "fss sync --mode full --new-store" in faults(world)["store"].mend


def test_records_of_another_deployment_are_told() -> None:
    world = world_with("a.md")
    world.sync()
    other = world.context_with(bucket="another")
    (fault,) = [each for each in Health(other, KEY, simulated=True).findings() if not each.ok]
    assert fault.check == "records"
    assert "they belong to" in fault.detail


@pytest.mark.parametrize(
    ("port", "call", "check"),
    [("bucket", "list_objects", "bucket"), ("gemini", "list_stores", "store")],
)
def test_what_is_refused_or_away_is_told_with_what_mends_it(
    port: str, call: str, check: str
) -> None:
    for error in (Forbidden(call, code=403, status="no"), Unavailable(call, code=503, status="x")):
        world = world_with("a.md")
        getattr(world, port).fail_next(call, error)
        assert list(faults(world)) == [check]
        assert faults(world_with("a.md")) == {}


def test_the_call_of_the_supervisor_is_remembered() -> None:
    world = world_with("a.md")
    health = Health(world.context, KEY, simulated=True)
    assert health()["supervised_at"] is None
    world.clock.advance(timedelta(seconds=5))
    health.supervised()
    told: dict[str, Any] = health()
    assert told["supervised_at"] > told["began_at"]
