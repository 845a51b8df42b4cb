"""fss doctor: what is wrong gets a line with what mends it, and exit code 1."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.fss.__main__ import main
from local.fss.deployment.checkup import Finding, examined
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit
from shared.code_digest import code_digest
from tests.local.fss.played import Played

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
STATUS = {"function": "status", "code": "c1"}


def health(**changes: Any) -> dict[str, Any]:
    return {
        "function": "dispatcher", "deployment": "dev", "code": "c1", "time": NOW.isoformat(),
        "began_at": (NOW - timedelta(hours=1)).isoformat(), "time_scale": 1.0,
        "supervised_at": (NOW - timedelta(seconds=31)).isoformat(),
        "findings": [{"check": "bucket", "ok": True, "detail": "it is there", "mend": ""}],
        **changes,
    }  # fmt: skip


class Doctor:
    """Examines a played deployment, whose two functions answer on two paths of one server."""

    def __init__(self, played: Played) -> None:
        self.played = played
        self.waited = timedelta()
        self.then: dict[str, Any] | None = None
        self.answer(STATUS, health())

    def answer(self, status: Any, dispatcher: Any) -> None:
        self.played.answers["GET /s/version"] = (
            status if isinstance(status, tuple) else (200, status)
        )
        self.played.answers["GET /d/health"] = (
            dispatcher if isinstance(dispatcher, tuple) else (200, dispatcher)
        )

    def wait(self, span: timedelta) -> None:
        self.waited += span
        if self.then is not None:
            self.answer(STATUS, self.then)

    def finds(self, ask: str | None = None) -> dict[str, Finding]:
        deployment = Deployment(f"{self.played.url}/d", f"{self.played.url}/s", ask=ask)
        found = examined(deployment, code="c1", now=lambda: NOW, wait=self.wait)
        return {each.check: each for each in found}


@pytest.fixture
def doctor(played: Played) -> Doctor:
    return Doctor(played)


def test_a_deployment_in_order_has_no_fault(doctor: Doctor) -> None:
    found = doctor.finds()
    assert [each for each in found.values() if not each.ok] == []
    assert list(found) == ["status", "dispatcher", "code", "clock", "bucket", "scheduler"]
    assert found["scheduler"].detail == "called the supervisor 31 s ago"


@pytest.mark.parametrize(
    ("status", "dispatcher", "check", "told"),
    [
        (STATUS, health(code="c2"), "code", "deploy all functions from one build"),
        (STATUS, health(time="2026-01-31T12:02:00+00:00"), "clock", "set this machine's clock"),
        (health(), health(), "status", "swap the two URLs"),
        (STATUS, STATUS, "dispatcher", "swap the two URLs"),
        ((404, {"error": "x", "paths": ["/other"]}), health(), "status", "deploy this one"),
        ((403, "<html>"), health(), "status", "it needs a token"),
        (STATUS, (503, {"error": "the bucket is away"}), "dispatcher", "the bucket is away"),
        (
            STATUS,
            health(findings=[{"check": "key", "ok": False, "detail": "old", "mend": "a new key"}]),
            "key",
            "a new key",
        ),
        (
            STATUS,
            health(supervised_at="2026-01-31T11:50:00+00:00"),
            "scheduler",
            "gcloud scheduler jobs list",
        ),
    ],
)
def test_a_fault_is_named_with_what_mends_it(
    doctor: Doctor, status: Any, dispatcher: Any, check: str, told: str
) -> None:
    doctor.answer(status, dispatcher)
    found = doctor.finds()[check]
    assert not found.ok
    assert told in f"{found.detail}; {found.mend}"


@pytest.mark.parametrize(
    ("answer", "ok"), [((405, {"error": "use POST"}), True), ((403, "<html>"), False)]
)
def test_the_ask_function_is_looked_at_if_there_is_one(
    doctor: Doctor, answer: tuple[int, Any], *, ok: bool
) -> None:
    doctor.played.answers["GET /a/ask"] = answer
    assert doctor.finds(ask=f"{doctor.played.url}/a")["ask"].ok is ok


def test_a_process_that_has_just_begun_is_given_time_for_a_call_of_scheduler(
    doctor: Doctor,
) -> None:
    doctor.answer(STATUS, health(supervised_at=None))
    doctor.then = health()
    assert doctor.finds()["scheduler"].ok
    assert timedelta(seconds=60) < doctor.waited < timedelta(seconds=90)
    doctor.then = None
    doctor.answer(STATUS, health(supervised_at=None))
    assert not doctor.finds()["scheduler"].ok


def test_the_command_prints_a_line_each_and_ends_with_1_on_a_fault(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - the command reads the real clock
    there = health(code=code_digest(), time=now.isoformat(), supervised_at=now.isoformat())
    played.answers["GET /health"] = (200, there)
    played.answers["GET /version"] = (200, there)
    assert main(["doctor"]) == Exit.NOT_IN_STEP
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "FAULT status     its URL is that of dispatcher; swap the two URLs, or see fss init"
    )
    assert lines[1] == "ok    dispatcher answers"
    assert lines[-1] == "1 of 6 need mending."
    assert main(["doctor", "--json"]) == Exit.NOT_IN_STEP
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], len(told["findings"])) == (False, 6)
    assert set(told["findings"][0]) == {"check", "ok", "detail", "mend"}
