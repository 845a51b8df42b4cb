"""Each route is for the callers that it names; any other one gets a 403, whatever it sends."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from shared.config import CommonSettings, SyncSettings
from shared.domain.errors import InvalidRequest
from shared.http.caller import email_of
from tests.docs.test_openapi import operations
from tests.functions.framework_app import SETTINGS, framework_app
from tests.functions.tokens import (
    ACCOUNTS,
    CI,
    EVENTS,
    PERSON,
    SCHEDULER,
    SIGNATURE,
    STRANGER,
    TASKS,
    bearer,
    part,
    token,
)
from tests.services.story import world_with

EVERYBODY = (PERSON, CI, SCHEDULER, TASKS, EVENTS, STRANGER, "")

MACHINES = {
    ("POST", "/sync"): {SCHEDULER, PERSON, CI},
    ("POST", "/events"): {EVENTS},
    ("POST", "/control/supervise"): {SCHEDULER, TASKS},
    ("POST", "/control/scan"): {TASKS},
    ("POST", "/step"): {TASKS},
    ("POST", "/looks"): {TASKS},
}
"""Who may call the routes that aren't for people alone."""


def status_of(app: Any, method: str, path: str, headers: Mapping[str, str]) -> int:
    path = path.replace("{batch_id}", "nothing")
    code: int = app.test_client().open(path, method=method, headers=headers).status_code
    return code


@pytest.mark.parametrize("function", ["dispatcher", "upload", "status", "ask"])
def test_each_route_admits_its_own_callers_and_nobody_else(function: str) -> None:
    world = world_with("a.md")
    with framework_app(function, world, ACCOUNTS) as app:
        for (method, path), operation in operations().items():
            if function not in operation["tags"]:
                continue
            admitted = MACHINES.get((method, path), {PERSON, CI})
            for email in EVERYBODY:
                headers = {"Authorization": bearer(email)} if email else {}
                is_refused = status_of(app, method, path, headers) == 403
                assert is_refused == (email not in admitted), (method, path, email)
            assert "403" in operation["responses"], (method, path)


def test_a_refusal_says_who_may_call_and_what_is_wrong() -> None:
    with framework_app("dispatcher", world_with("a.md"), ACCOUNTS) as app:
        client = app.test_client()
        named = client.post("/control/scan", headers={"Authorization": bearer(PERSON)})
        unnamed = client.post("/sync")
        stranger = client.post("/sync", headers={"Authorization": bearer(STRANGER)})
    assert named.get_json()["error"].startswith(
        "/control/scan is for Cloud Tasks, and ann@example.com"
    )
    assert "no single identity token" in unnamed.get_json()["error"]
    assert "CALLER_SERVICE_ACCOUNTS" in stranger.get_json()["error"]


FORGED = bearer(TASKS)
REAL = bearer(PERSON)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Serverless-Authorization": REAL, "Authorization": FORGED},
        {"X-Serverless-Authorization": FORGED, "Authorization": REAL},
        {"Authorization": f"{FORGED},{REAL}"},
        {"Authorization": f"{FORGED}, {FORGED}"},
        {"Authorization": FORGED.removeprefix("Bearer ")},
        {"Authorization": FORGED.replace("Bearer", "Basic")},
        {"Proxy-Authorization": FORGED},
        {"X-Goog-Authenticated-User-Email": f"accounts.google.com:{TASKS}"},
        {"X-CloudTasks-QueueName": "c", "X-CloudTasks-TaskName": "t", "Authorization": REAL},
        {"X-CloudScheduler": "true", "Authorization": REAL},
        {"X-Forwarded-User": TASKS, "From": TASKS, "Authorization": REAL},
        {"Authorization": f"Bearer {token(TASKS, verified=False)}"},
        {"Authorization": f"Bearer {token(TASKS, verified='true')}"},
        {"Authorization": f"Bearer {token([TASKS])}"},
        {"Authorization": f"Bearer {token(None, sub=TASKS)}"},
        {"Authorization": f"Bearer {part({})}.{part([TASKS])}.{SIGNATURE}"},
        {"Authorization": f"Bearer {part({})}.!!!.{SIGNATURE}"},
        {"Authorization": f"Bearer {part({})}.{part({})[:-1]}.{SIGNATURE}"},
        {"Authorization": "Bearer ya29.an-access-token"},
        {"Authorization": "Bearer"},
        {"Authorization": ""},
    ],
    ids=itertools.count(),
)
def test_a_forged_header_makes_nobody_a_task(headers: dict[str, str]) -> None:
    with framework_app("dispatcher", world_with("a.md"), ACCOUNTS) as app:
        assert status_of(app, "POST", "/control/scan", headers) == 403


@pytest.mark.parametrize("header", ["Authorization", "authorization", "X-Serverless-Authorization"])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_header_that_cloud_run_checks_is_read_in_any_case(header: str, scheme: str) -> None:
    headers = Headers({header: bearer(TASKS).replace("Bearer", scheme)})
    assert email_of(headers) == TASKS


def test_a_token_that_still_has_its_signature_is_read_as_well() -> None:
    given = token(PERSON).replace(SIGNATURE, "c2lnbmF0dXJl-_8")
    assert email_of(Headers({"Authorization": f"Bearer {given}"})) == PERSON


def test_on_one_machine_no_caller_has_a_token() -> None:
    with framework_app("upload", world_with("a.md")) as app:
        assert status_of(app, "POST", "/step", {}) == 200


def test_on_cloud_run_callers_are_checked_though_no_account_is_named() -> None:
    with framework_app("upload", world_with("a.md"), {"K_SERVICE": "fss-upload"}) as app:
        assert status_of(app, "POST", "/step", {}) == 403
    with framework_app("status", world_with("a.md"), {"K_SERVICE": "fss-status"}) as app:
        assert status_of(app, "GET", "/batches", {"Authorization": REAL}) == 200
        assert status_of(app, "GET", "/batches", {"Authorization": bearer(STRANGER)}) == 403


@pytest.mark.parametrize("name", ACCOUNTS)
@pytest.mark.parametrize("value", ["serviceAccount:a@b.c", "a", "a@b", "@b.c", "a@b.c,x"])
def test_an_account_is_an_address(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest, match=f"{name}: must be an e-mail address"):
        SyncSettings.from_environment({**SETTINGS, name: value})


def test_the_status_function_knows_its_callers_too() -> None:
    settings = CommonSettings.from_environment({**SETTINGS, **ACCOUNTS})
    assert settings.callers.are_checked
    assert settings.callers.kinds(CI)
