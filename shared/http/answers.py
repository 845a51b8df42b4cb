"""Answers, which are JSON: those of handlers, and those that errors become."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from flask import Response

from shared.domain.errors import (
    KEY_ADVICE,
    AlreadyRunning,
    Exhausted,
    Forbidden,
    InvalidRequest,
    InvalidTask,
    LostLease,
    NoSuchBatch,
    NotSetUp,
    Refused,
    SyncError,
)
from shared.json_text import json_line

NOTHING_FOUND = {"error": "not found"}
"""Body of a 404 for a known route."""

DEFECT = {"error": "an error that nothing expects, which is a defect: the log has its traceback"}
"""Body of a 500."""

_log = logging.getLogger(__name__)


def answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON response."""
    return Response(json_line(body), status, mimetype="application/json")


def explained(error: SyncError, path: str) -> tuple[dict[str, Any], int]:
    """Body and HTTP status for an error that a use case raised."""
    match error:
        case InvalidRequest():
            return {"error": "invalid request", "problems": list(error.problems)}, 400
        case NoSuchBatch():
            return {"error": str(error)}, 404
        case AlreadyRunning():
            return {"error": str(error), "batch_id": error.batch_id}, 409
        case Exhausted():
            return {"error": str(error)}, 429
        case Refused():
            return {"error": str(error)}, 409
        case InvalidTask():  # with a 200, or Cloud Tasks would deliver it again and again
            _log.error("dropped a task of %s: %s", path, error)
            return {"dropped": str(error)}, 200
        case NotSetUp():
            _log.error("%s failed: %s", path, error)
            return {"error": str(error)}, 503
        case Forbidden() if error.is_of_gemini:
            _log.error("%s failed: %s. %s", path, error, KEY_ADVICE)
            return {"error": f"{error}. {KEY_ADVICE}"}, 503
        case LostLease():
            _log.warning("stopped: %s", error)
            return {"stopped": str(error)}, 200
        case _:
            _log.warning("%s failed: %s", path, error, exc_info=error)
            return {"error": str(error)}, 503
