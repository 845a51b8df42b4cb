"""One HTTP call, and what its failure means to the person at the terminal."""

from __future__ import annotations

import http.client
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from local.fss.deployment.outcome import Exit, Failure
from local.fss.deployment.token import EXAMPLE
from local.printable import printable

TIMEOUT: Final = 90.0
"""Seconds to wait for an answer; a function may have to start first."""

_EXITS: Final[dict[int, Exit]] = {
    HTTPStatus.BAD_REQUEST: Exit.USAGE,
    HTTPStatus.NOT_FOUND: Exit.USAGE,
    HTTPStatus.METHOD_NOT_ALLOWED: Exit.USAGE,
    HTTPStatus.CONFLICT: Exit.REFUSED,
    HTTPStatus.TOO_MANY_REQUESTS: Exit.REFUSED,
}


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it came, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def raw(request: urllib.request.Request | str) -> Raw:
    """Return the answer at a URL.

    Raises:
        Failure: There is none.
    """
    url = request if isinstance(request, str) else request.full_url
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return Raw(response.status, dict(response.headers), response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Raw(error.code, dict(error.headers), error.read())
    except (OSError, http.client.HTTPException) as error:
        raise Failure(Exit.COULD_NOT_RUN, f"no answer from {url}: {_why(error)}") from error


def fetched(request: urllib.request.Request | str) -> dict[str, Any]:
    """Return the JSON object at a URL.

    Raises:
        Failure: There is no answer, or it is no JSON object, or its status is an error. Then
            ``status`` is that status.
    """
    url = request if isinstance(request, str) else request.full_url
    answer = raw(request)
    if answer.status >= HTTPStatus.BAD_REQUEST:
        raise _refusal(answer.status, answer.body, url)
    return _object(answer.body, url)


def with_advice(refusal: Failure, *, has_token: bool) -> Failure:
    """A refusal for want of a token or a role, with what to do about it."""
    if refusal.status == HTTPStatus.UNAUTHORIZED and has_token:
        advice = f"the token is not accepted; it must be one for this URL: {EXAMPLE}"
    elif refusal.status == HTTPStatus.FORBIDDEN and has_token:
        advice = (
            "the account of the token may not call it; it needs the role Cloud Run Invoker there: "
            "add it to operators or viewers of the deployment"
        )
    elif refusal.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        advice = (
            f"it needs a token: set FSS_TOKEN_COMMAND, --token-command or token_command in "
            f"fss.toml, such as '{EXAMPLE}'"
        )
    else:
        return refusal
    return Failure(refusal.exit_code, f"{refusal}: {advice}", status=refusal.status)


def _why(error: Exception) -> str:
    """Why there is no answer, and what may help."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    match reason:
        case socket.gaierror():
            return f"{reason.strerror}; is this machine online, and is the URL right?"
        case TimeoutError():
            return "it took too long; try again"
        case ConnectionRefusedError():
            return "nothing listens there; is the URL right, and does it still run?"
        case _:
            return printable(str(reason) or type(reason).__name__)


def _object(answer: bytes, url: str) -> dict[str, Any]:
    try:
        value = json.loads(answer)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Failure(
            Exit.COULD_NOT_RUN, f"{url} did not answer like a deployment; is the URL right?"
        )
    return value


def _refusal(code: int, answer: bytes, url: str) -> Failure:
    """Return the failure that an HTTP error means for the user."""
    try:
        value = json.loads(answer)
    except ValueError:
        value = {}
    details = value if isinstance(value, dict) else {}
    if other := _other_function(details):
        return Failure(
            Exit.USAGE,
            f"{url} is not there: {other}",
            status=code,
            paths=details["paths"],
        )
    named = details.get("problems")
    problems = [printable(str(problem)) for problem in named] if isinstance(named, list) else []
    error = printable(str(details.pop("error", f"{url} answered with status {code}")))
    message = "\n  ".join([error, *problems])
    details = {name: item for name, item in details.items() if name not in {"usage", "status"}}
    return Failure(_EXITS.get(code, Exit.COULD_NOT_RUN), message, status=code, **details)


def _other_function(details: Mapping[str, Any]) -> str:
    """What to do if a function has no such path, since it is another one; else nothing."""
    paths = details.get("paths")
    if not isinstance(paths, list):
        return ""
    if "/sync" in paths:
        return "it is the dispatcher's URL; is it swapped with that of the status function?"
    if "/failures" in paths:
        return "it is the status function's URL; is it swapped with that of the dispatcher?"
    return "it is the URL of another function; fss init --from-terraform finds the right ones"
