from __future__ import annotations

import pytest

from local.gemini.traffic.faults import FaultKind, FaultRule, Faults
from local.gemini.wire.routes import Route

GET = Route.FILES_GET


def test_a_script_strikes_the_next_matching_calls_only() -> None:
    faults = Faults([FaultRule(FaultKind.UNAVAILABLE, route="files.*", skip=1, times=2)])
    assert faults.draw(Route.STORES_GET, "") is None
    drawn = [faults.draw(GET, "files/a") is not None for _ in range(5)]
    assert drawn == [False, True, True, False, False]


def test_a_rate_strikes_its_share_and_repeats_under_a_seed() -> None:
    def run(seed: int) -> list[bool]:
        faults = Faults([FaultRule(FaultKind.INTERNAL, rate=0.2)], seed)
        return [faults.draw(GET, "") is not None for _ in range(2_000)]

    assert run(7) == run(7) != run(8)
    assert 300 < sum(run(7)) < 500


def test_the_first_rule_that_fires_wins() -> None:
    faults = Faults(
        [FaultRule(FaultKind.INTERNAL, times=1), FaultRule(FaultKind.UNAVAILABLE, times=1)]
    )
    drawn = [faults.draw(GET, "") for _ in range(3)]
    assert [rule and rule.kind for rule in drawn] == ["internal", "unavailable", None]


def test_a_rule_can_single_out_a_resource() -> None:
    faults = Faults([FaultRule(FaultKind.REPLY_LOST, resource="files/a*")])
    assert faults.draw(GET, "files/b") is None
    assert faults.draw(GET, "files/ab") is not None


def test_a_kind_strikes_only_where_it_makes_sense() -> None:
    faults = Faults([FaultRule(FaultKind.OPERATION_HUNG)])
    assert faults.draw(GET, "") is None
    assert faults.draw(Route.STORES_IMPORT_FILE, "") is not None


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({}, "unknown kind"),
        ({"kind": "no_such"}, "unknown kind"),
        ({"kind": "internal", "typo": 1}, "unknown fields of a fault rule: typo"),
        ({"kind": "internal", "route": "no.such.route"}, "can't happen on any route"),
        ({"kind": "operation_hung", "route": "files.get"}, "can't happen on any route"),
        ({"kind": "internal", "rate": 1.5}, "rate"),
        ({"kind": "internal", "rate": "1"}, "rate"),
        ({"kind": "internal", "times": -1}, "times"),
        ({"kind": "internal", "times": True}, "times"),
        ({"kind": "internal", "retry_info": 1}, "retry_info"),
        ("internal", "must be an object"),
    ],
)
def test_a_rule_that_cannot_be_carried_out_is_refused(rule: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        FaultRule.from_json(rule)


def test_a_rule_reads_back_as_it_was_written() -> None:
    rule = FaultRule(FaultKind.RATE_LIMITED, route="files.*", times=3, delay_s=2.5)
    assert FaultRule.from_json(rule.to_json()) == rule
