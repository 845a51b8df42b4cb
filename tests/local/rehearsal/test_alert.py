from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from local.rehearsal.google import alert
from local.rehearsal.google.alert import POLICY, SECONDS, AlertTest
from local.rehearsal.step import StepFailed

REFUSED_AT = "2026-12-01T10:00:00.123456+00:00"


def opened(time: str, policy: str = f"[fss-rehearsal] {POLICY}") -> dict[str, Any]:
    return {"openTime": time, "policy": {"displayName": policy}}


OLD = opened("2026-12-01T09:59:59.9Z")
OTHER = opened("2026-12-01T10:05:00Z", "[fss-rehearsal] Files failed")
NEW = opened("2026-12-01T10:05:00.5Z")


class Stage:
    def __init__(self) -> None:
        self.waited = 0.0
        programs: Any = SimpleNamespace(run=lambda _: "a-token\n")
        deployment: Any = SimpleNamespace(place=SimpleNamespace(project="my-project"))
        library: Any = None
        self.test = AlertTest(
            deployment, library, programs, wait=self.wait, clock=lambda: self.waited
        )

    def wait(self, seconds: float) -> None:
        self.waited += seconds


def answered(monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, Any]) -> list[str]:
    urls: list[str] = []
    left: Iterator[tuple[int, Any]] = iter(answers)

    def get(url: str, token: str) -> tuple[int, Any]:
        assert token == "a-token"
        urls.append(url)
        return next(left, answers[-1])

    monkeypatch.setattr(alert, "get", get)
    return urls


def test_an_alert_of_this_policy_that_opened_since_is_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered(monkeypatch, (200, {}), (200, {"alerts": [OLD, OTHER]}), (200, {"alerts": [OLD, NEW]}))
    stage = Stage()
    assert stage.test._wait_for_alert(REFUSED_AT) == NEW
    assert stage.waited == 2 * alert.LOOK_AGAIN


def test_all_pages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = answered(
        monkeypatch, (200, {"alerts": [OLD], "nextPageToken": "a/b"}), (200, {"alerts": [NEW]})
    )
    assert Stage().test._wait_for_alert(REFUSED_AT) == NEW
    assert urls[1].endswith("/v3/projects/my-project/alerts?pageSize=100&pageToken=a%2Fb")


def test_waiting_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, (200, {"alerts": [OLD]}))
    stage = Stage()
    assert stage.test._wait_for_alert(REFUSED_AT) is None
    assert SECONDS < stage.waited <= SECONDS + alert.LOOK_AGAIN


def test_a_refusal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answered(monkeypatch, (403, {"error": {"message": "no permission"}}))
    with pytest.raises(StepFailed, match="alerts can't be listed: 403, no permission"):
        Stage().test._wait_for_alert(REFUSED_AT)
