"""Calls of Google's REST APIs that gcloud has no command for."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

TIMEOUT = 60.0


def get(url: str, token: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Return the status and the JSON that a GET is answered with; status 0 for no answer.

    Args:
        url: The address.
        token: The bearer token.
        headers: More headers.
    """
    request = urllib.request.Request(url, headers=dict(headers or {}))
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return HTTPStatus.OK, _json(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _json(error.read())
    except (OSError, http.client.HTTPException) as error:
        return 0, {"error": {"message": str(error)}}


def message_of(answer: object) -> str:
    """Return the message of an error's body, or the body itself."""
    try:
        return str(answer["error"]["message"])  # type: ignore[index]
    except (KeyError, TypeError):
        return json.dumps(answer)


def _json(body: bytes) -> Any:  # noqa: ANN401 - whatever it is
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
