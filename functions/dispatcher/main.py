"""The dispatcher starts syncs, scans and supervises. People, Scheduler and its queue call it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import functions_framework
from flask import Request, Response

from shared import loading  # first: see there
from shared.code_digest import code_digest
from shared.composition.dispatcher import UseCases
from shared.config import SyncSettings
from shared.domain.batch.batch import Batch, Trigger
from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.callers import Caller
from shared.domain.errors import AlreadyRunning
from shared.http.framework import answer_everything
from shared.http.requests import checked_body, task_body
from shared.http.routes import Routes
from shared.process import settings_of

SETTINGS = settings_of(SyncSettings)
USE = UseCases(SETTINGS)
loading.preload("google.cloud.firestore", "google.cloud.storage", "google.cloud.tasks_v2")


def _answer(batch_id: str, **more: object) -> dict[str, Any]:
    return {"batch_id": batch_id, "status_url": SETTINGS.status_url_of(batch_id), **more}


def _sync(request: Request) -> tuple[dict[str, Any], int]:
    asked = checked_body(SyncRequest, request)
    try:
        return _answer(USE.start(asked).batch_id), 202
    except AlreadyRunning as running:
        if asked.trigger is Trigger.SCHEDULER:  # no error, which Scheduler would retry
            return _answer(running.batch_id, already_running=True), 200
        return _answer(running.batch_id, error=str(running)), 409


def _state(batch: Batch) -> tuple[dict[str, Any], int]:
    return _answer(batch.batch_id, status=batch.status), 200


def _supervise(_: Request) -> tuple[dict[str, Any], int]:
    USE.health.supervised()
    return asdict(USE.supervise()), 200


def _health(_: Request) -> tuple[dict[str, Any], int]:
    known = {"function": "dispatcher", "code": code_digest(), "time_scale": SETTINGS.time_scale}
    return {**known, **USE.health()}, 200


ROUTES = Routes(
    {
        ("POST", "/"): _sync,
        ("POST", "/sync"): _sync,
        ("POST", "/events"): lambda request: ({"outcome": USE.ask_sync(task_body(request))}, 200),
        ("POST", "/batches/<batch_id>:cancel"): lambda _, batch_id: _state(
            USE.control.cancel(batch_id)
        ),
        ("POST", "/batches/<batch_id>:pause"): lambda _, batch_id: _state(
            USE.control.pause(batch_id)
        ),
        ("POST", "/batches/<batch_id>:resume"): lambda _, batch_id: _state(
            USE.control.resume(batch_id)
        ),
        ("POST", "/stores/next:promote"): lambda _: ({"store": USE.cut_over.promote().store}, 200),
        ("POST", "/stores/previous:drop"): lambda _: (
            {"dropped": USE.cut_over.drop_previous()},
            200,
        ),
        ("GET", "/health"): _health,
        ("POST", "/control/supervise"): _supervise,
        ("POST", "/control/scan"): lambda request: ({"pages": USE.scan(task_body(request))}, 200),
    },
    callers=SETTINGS.callers,
    machines={
        ("POST", "/sync"): {Caller.SCHEDULER, Caller.PEOPLE},
        ("POST", "/events"): {Caller.EVENTS},
        ("POST", "/control/supervise"): {Caller.SCHEDULER, Caller.TASKS},
        ("POST", "/control/scan"): {Caller.TASKS},
    },
    budget=SETTINGS.watchdog_budget,
    call_budget=SETTINGS.call_budget,
)
answer_everything(ROUTES)


@functions_framework.http
def main(request: Request) -> Response:
    """Answer one HTTP request."""
    return ROUTES(request)
