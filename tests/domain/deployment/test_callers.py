from __future__ import annotations

import pytest

from shared.domain.deployment.callers import Caller, Callers

TASKS = "tasks@acme.iam.gserviceaccount.com"
SCHEDULER = "scheduler@acme.iam.gserviceaccount.com"
CI = "ci@acme.iam.gserviceaccount.com"
CALLERS = Callers({Caller.TASKS: TASKS, Caller.SCHEDULER: SCHEDULER}, (CI,))


@pytest.mark.parametrize(
    ("email", "kinds"),
    [
        (TASKS, {Caller.TASKS}),
        (SCHEDULER.upper(), {Caller.SCHEDULER}),
        (CI, {Caller.PEOPLE}),
        ("ann@example.com", {Caller.PEOPLE}),
        ("other@acme.iam.gserviceaccount.com", set()),
        ("123-compute@developer.gserviceaccount.com", set()),
        ("acme@appspot.gserviceaccount.com", set()),
        ("x@ACME.IAM.GSERVICEACCOUNT.COM", set()),
        ("", set()),
    ],
)
def test_a_service_account_is_what_it_is_named_for_and_anybody_else_is_a_person(
    email: str, kinds: set[Caller]
) -> None:
    assert CALLERS.kinds(email) == kinds


def test_one_account_may_be_several_callers() -> None:
    callers = Callers({Caller.TASKS: CI, Caller.SCHEDULER: CI}, (CI,))
    assert callers.kinds(CI) == {Caller.TASKS, Caller.SCHEDULER, Caller.PEOPLE}


def test_without_a_machine_nobody_is_it() -> None:
    assert Caller.EVENTS not in CALLERS.kinds("events@acme.iam.gserviceaccount.com")
