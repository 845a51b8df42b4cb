"""HTTP for the functions: routes, checked bodies, and errors as JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeVar

from flask import Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.routing import Map, Rule

from shared.domain.errors import InvalidRequest, LostLease, Refused, SyncError
from shared.domain.file.record import FileStatus
from shared.json_text import json_line
from shared.services.batch.control import NoSuchBatch
from shared.services.batch.start import AlreadyRunning
from shared.services.context import InvalidTask

MAX_BODY = 16_384
"""Largest body in bytes; no route needs more than a few hundred."""

NOTHING_FOUND = {"error": "not found"}
"""Body of a 404 for a known route."""

Handler = Callable[..., tuple[dict[str, Any], int] | Response]
Model = TypeVar("Model", bound=BaseModel)

_log = logging.getLogger(__name__)


def checked(model: type[Model], request: Request) -> Model:
    """The request's body as ``model``. Raises ``InvalidRequest``, which names every problem."""
    return _validated(model, json_body(request))


def _validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InvalidRequest(
            *(
                f"{'.'.join(map(str, problem['loc']))}: "
                + problem["msg"].removeprefix("Value error, ")
                for problem in error.errors(include_url=False, include_context=False)
            )
        ) from None


class NoQuery(BaseModel):
    """No query parameters: any is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(BaseModel):
    """Query parameters of a list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(100, ge=1, le=500)
    page_token: str = Field("", max_length=512)


class FilesQuery(PageQuery):
    """Query parameters of a batch's files."""

    status: FileStatus | None = None


class FileQuery(BaseModel):
    """Query parameters of one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(min_length=1, max_length=1024)


def checked_query(model: type[Model], request: Request) -> Model:
    """The query parameters as ``model``. Raises ``InvalidRequest``, which names every problem."""
    return _validated(model, request.args.to_dict())


def json_body(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an empty body counts as an empty object.

    Raises:
        InvalidRequest: The body is not JSON, or not an object.
        RequestEntityTooLarge: The body is larger than ``MAX_BODY``.
    """
    if (request.content_length or 0) > MAX_BODY:
        raise RequestEntityTooLarge
    text = request.get_data()
    if len(text) > MAX_BODY:
        raise RequestEntityTooLarge
    if not text.strip():
        return {}
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    return body


class Routes:
    """A function's routes: maps ``("POST", "/batches/<batch_id>:cancel")`` to its handler."""

    def __init__(self, routes: Mapping[tuple[str, str], Handler]) -> None:
        self._handlers = dict(routes)
        self._map = Map(
            [
                Rule(path, methods=[method], endpoint=(method, path))
                for method, path in self._handlers
            ],
            merge_slashes=False,
        )

    def __call__(self, request: Request) -> Response:
        """Answer a request. Errors are answered in JSON; a caller's mistake never gets a 5xx."""
        try:
            endpoint, arguments = self._map.bind_to_environ(request.environ).match()
            handler = self._handlers[endpoint]
            answered = handler(request, **arguments)
            return answered if isinstance(answered, Response) else answer(*answered)
        except MethodNotAllowed as error:
            allowed = sorted(error.valid_methods or ())
            response = answer({"error": f"use {' or '.join(allowed)}"}, 405)
            response.headers["Allow"] = ", ".join(allowed)
            return response
        except NotFound:
            paths = sorted({path for _, path in self._handlers})
            return answer({"error": f"there is no {request.path}", "paths": paths}, 404)
        except HTTPException as error:
            return answer({"error": error.description}, error.code or 500)
        except SyncError as error:
            return answer(*_explained(error, request.path))


def _explained(error: SyncError, path: str) -> tuple[dict[str, Any], int]:
    """Body and HTTP status for an error that a use case raised."""
    match error:
        case InvalidRequest():
            return {"error": "invalid request", "problems": list(error.problems)}, 400
        case NoSuchBatch():
            return {"error": str(error)}, 404
        case AlreadyRunning():
            return {"error": str(error), "batch_id": error.batch_id}, 409
        case Refused():
            return {"error": str(error)}, 409
        case InvalidTask():  # with a 200, or Cloud Tasks would deliver it again and again
            _log.error("dropped a task of %s: %s", path, error)
            return {"dropped": str(error)}, 200
        case LostLease():
            _log.warning("stopped: %s", error)
            return {"stopped": str(error)}, 200
        case _:
            _log.warning("%s failed: %s", path, error, exc_info=error)
            return {"error": str(error)}, 503


def answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """A JSON response."""
    return Response(json_line(body), status, mimetype="application/json")


def json_lines(rows: Iterator[Mapping[str, Any]]) -> Response:
    """A response with one JSON object per line; each row is read when it is sent.

    The first row is read at once, so that an error in it becomes an error response. A later error
    cuts the response off.
    """
    made = [row for row in [next(rows, None)] if row is not None]
    lines = (json_line(row) + "\n" for row in chain(made, rows))
    return Response(lines, mimetype="application/x-ndjson")
