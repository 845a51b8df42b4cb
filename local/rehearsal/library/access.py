"""Calls the functions without a token: they must refuse."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus

from local.rehearsal.step import Findings

TIMEOUT = 60.0
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
HIDDEN = HTTPStatus.NOT_FOUND
"""What Cloud Run answers from outside for a function that only takes internal calls."""

ROUTES = {
    "dispatcher": ("POST", "/sync"),
    "upload": ("POST", "/step"),
    "status": ("GET", "/store"),
    "ask": ("POST", "/ask"),
}
"""A route that each function has, by the function's name; others are called with ``POST /``."""

FORGED = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFAZXhhbXBsZS5jb20ifQ."
"""A token that names somebody and has no signature."""


def refuse_strangers(functions: Mapping[str, tuple[str, bool]], findings: Findings) -> None:
    """Check that each function refuses a call without a token, and with a forged one.

    Args:
        functions: The address of each function by name, and whether it only takes internal calls.
        findings: Gets the checks.
    """
    for name, (url, is_internal) in functions.items():
        allowed = (*REFUSED, HIDDEN) if is_internal else REFUSED
        for what, token in (("without a token", ""), ("with a forged token", FORGED)):
            method, path = ROUTES.get(name, ("POST", "/"))
            status = status_of(method, url + path, token)
            findings.check(f"{name} refuses a call {what}", status in allowed, f"answers {status}")


def status_of(method: str, url: str, token: str) -> int | str:
    """Return the status that a request is answered with, or why there is no answer."""
    body = b"{}" if method == "POST" else None
    request = urllib.request.Request(url, data=body, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (OSError, http.client.HTTPException) as error:
        return str(error)
