"""The ask function answers questions from the store. People and applications call it."""

from __future__ import annotations

from typing import Any

import functions_framework
from flask import Request, Response

from shared import loading  # first: see there
from shared.composition.ask import ask
from shared.config import AskSettings
from shared.domain.ask.request import AskRequest
from shared.http.framework import answer_everything
from shared.http.requests import checked_body
from shared.http.routes import Routes
from shared.process import settings_of

SETTINGS = settings_of(AskSettings)
loading.preload("google.cloud.firestore", "google.genai")


def _ask(request: Request) -> tuple[dict[str, Any], int]:
    return ask(SETTINGS)(checked_body(AskRequest, request)), 200


ROUTES = Routes({("POST", "/ask"): _ask}, callers=SETTINGS.callers)
answer_everything(ROUTES)


@functions_framework.http
def main(request: Request) -> Response:
    """Answer one HTTP request."""
    return ROUTES(request)
