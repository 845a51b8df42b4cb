"""A function's routes: finds the handler of a request, and answers its errors in JSON."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from flask import Response
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from shared.domain.deployment.callers import Caller, Callers
from shared.domain.errors import InvalidRequest, SyncError
from shared.gateways.call_deadline import total_deadline
from shared.http.answers import DEFECT, answer, explained
from shared.http.caller import PEOPLE, check_caller
from shared.http.requests import BODY_PATIENCE, NoQuery, checked_query, read_body
from shared.log_labels import traced
from shared.process import watchdog
from shared.services.events import Event, emit

if TYPE_CHECKING:
    from flask import Request
    from pydantic import BaseModel

Answer = tuple[Mapping[str, Any], int] | Response
"""A JSON body and its status, or a finished response."""

Handler = Callable[..., Answer]
"""Takes the request, and the path's variables by name. Query parameters are refused."""


@dataclass(frozen=True, slots=True)
class Queried:
    """A handler that takes the query parameters, as ``model``, instead of the request."""

    model: type[BaseModel]
    handler: Callable[..., Answer]


MOST_TOLD = 500
"""Characters of a path, and of what is wrong with a request, that the log has."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """What a program gets as data, and a browser as a page."""

    data: Handler | Queried
    page: Handler | Queried


_log = logging.getLogger(__name__)


class Routes:
    """A function's routes: maps ``("POST", "/batches/<batch_id>:cancel")`` to its handler.

    Args:
        routes: The handlers.
        callers: The deployment's callers.
        machines: Who may call those routes that are not for people, or not for them alone.
        budget: Time that a handler may take before the process is ended; None means no limit.
        call_budget: Time after which a handler's calls of Gemini and the bucket end; likewise.
        patience: Time within which a request's body must have arrived.
    """

    def __init__(
        self,
        routes: Mapping[tuple[str, str], Handler | Queried | Viewed],
        *,
        callers: Callers,
        machines: Mapping[tuple[str, str], Collection[Caller]] | None = None,
        budget: timedelta | None = None,
        call_budget: timedelta | None = None,
        patience: timedelta = BODY_PATIENCE,
    ) -> None:
        self._handlers = dict(routes)
        self._callers = callers
        self._machines = dict(machines or {})
        self._budget = budget
        self._call_budget = call_budget
        self._patience = patience
        self._map = Map(
            [
                Rule(path, methods=[method], endpoint=(method, path))
                for method, path in self._handlers
            ],
            merge_slashes=False,
        )

    def __call__(self, request: Request) -> Response:
        """Answer a request. Errors are answered in JSON; a caller's mistake never gets a 5xx."""
        headers = request.headers
        with traced(headers.get("X-Cloud-Trace-Context"), headers.get("traceparent")):
            response = self._answered(request)
            if HTTPStatus.BAD_REQUEST <= response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                _log_refusal(request, response)
            return response

    def _answered(self, request: Request) -> Response:
        try:
            read_body(request, self._patience)
            with (
                watchdog(self._budget) if self._budget else nullcontext(),
                total_deadline(self._call_budget) if self._call_budget else nullcontext(),
            ):
                found = self._handled(request)
                return found if isinstance(found, Response) else answer(*found)
        except MethodNotAllowed as error:
            allowed = sorted(error.valid_methods or ())
            response = answer({"error": f"use {' or '.join(allowed)}"}, 405)
            response.headers["Allow"] = ", ".join(allowed)
            return response
        except NotFound:
            paths = sorted({path for _, path in self._handlers})
            return answer({"error": f"there is no {request.path}", "paths": paths}, 404)
        except BadRequest as error:
            return answer(*explained(InvalidRequest(error.description), request.path))
        except HTTPException as error:
            return answer({"error": error.description}, error.code or 500)
        except SyncError as error:
            return answer(*explained(error, request.path))
        except Exception:  # noqa: BLE001 - the last handler
            _log.exception("%s failed", request.path)
            return answer(DEFECT, 500)

    def _handled(self, request: Request) -> Answer:
        endpoint, arguments = self._map.bind_to_environ(request.environ).match()
        check_caller(request, self._callers, self._machines.get(endpoint, PEOPLE))
        handler = self._handlers[endpoint]
        if isinstance(handler, Viewed):
            handler = handler.page if _wants_page(request) else handler.data
        match handler:
            case Queried(model, handler):
                return handler(checked_query(model, request), **arguments)
            case _:
                checked_query(NoQuery, request)
                return handler(request, **arguments)


def _wants_page(request: Request) -> bool:
    """Whether the request prefers HTML, as browsers do; who accepts anything gets JSON."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def _log_refusal(request: Request, response: Response) -> None:
    body = response.get_json(silent=True) or {}
    problems = "; ".join(map(str, body.get("problems", [])))
    why = f"{body.get('error', '')}{': ' if problems else ''}{problems}"
    emit(
        Event.REQUEST_REFUSED,
        f"{request.method} {request.path[:MOST_TOLD]} was answered with {response.status_code}: "
        f"{why[:MOST_TOLD]}",
        method=request.method,
        status=response.status_code,
    )
