"""The upload function takes one file a step further, or looks after all files that wait for Gemini.

The uploads and polls queues call it.
"""

from __future__ import annotations

from typing import Any

import functions_framework
from flask import Request, Response

from shared import loading  # first: see there
from shared.composition.upload import UseCases
from shared.config import SyncSettings
from shared.domain.deployment.callers import Caller
from shared.http.framework import answer_everything
from shared.http.requests import task_body
from shared.http.routes import Routes
from shared.process import settings_of

SETTINGS = settings_of(SyncSettings)
USE = UseCases(SETTINGS)
loading.preload(
    "google.cloud.firestore", "google.cloud.storage", "google.cloud.tasks_v2", "google.genai"
)


def _step(request: Request) -> tuple[dict[str, Any], int]:
    return {"outcome": USE.advance(task_body(request))}, 200


def _looks(request: Request) -> tuple[dict[str, Any], int]:
    run = USE.look(task_body(request))
    return {"outcome": run.outcome, "looked_at": run.looked_at}, 200


ROUTES = Routes(
    {("POST", "/step"): _step, ("POST", "/looks"): _looks},
    callers=SETTINGS.callers,
    machines={("POST", "/step"): {Caller.TASKS}, ("POST", "/looks"): {Caller.TASKS}},
    budget=SETTINGS.watchdog_budget,
    call_budget=SETTINGS.call_budget,
)
answer_everything(ROUTES)


@functions_framework.http
def main(request: Request) -> Response:
    """Answer one HTTP request."""
    return ROUTES(request)
