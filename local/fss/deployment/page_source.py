"""Where the page's front gets its answers: from a deployment, with the person's own identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.front.ask_box import Ask, NotAnswered
from local.front.page_front import PASSED, Answer, Source, Unreachable
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Failure


def source_of(deployment: Deployment) -> Source:
    """The page of a deployment."""

    def source(path: str, headers: Mapping[str, str]) -> Answer:
        try:
            told = deployment.page(path, headers)
        except Failure as failure:
            raise Unreachable(str(failure)) from failure
        passed = {name: told.headers[name] for name in PASSED if name in told.headers}
        return Answer(told.status, told.body, passed)

    return source


def ask_of(deployment: Deployment) -> Ask | None:
    """What the page's box asks; None if the deployment's ask function is not known."""
    if not deployment.answers:
        return None

    def ask(request: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            return deployment.ask(request)
        except Failure as failure:
            raise NotAnswered(str(failure)) from failure

    return ask
