"""A request, its way through the simulator, and the reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from local.gemini.traffic.faults import FaultRule
from local.gemini.wire.messages import JsonObject
from local.gemini.wire.routes import Route

UPLOAD_STATUS = "X-Goog-Upload-Status"
OK = 200
JSON_TYPE = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. Header names are in lower case; `base_url` is our own."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    base_url: str


@dataclass(slots=True)
class Call:
    """A request on its way through: what it asks for, and what is learned about it.

    Attributes:
        route: What it asks for; None when there is no such route.
        names: The names in its path.
        resource: What it is about, as far as is known.
        body: Its bytes, empty until they have been read.
        message: The body as a JSON object; empty on the upload routes.
        fault: What was ordered to go wrong with it.
    """

    head: Head
    route: Route | None
    names: Mapping[str, str]
    resource: str = ""
    body: bytes = b""
    message: JsonObject = field(default_factory=dict)
    fault: FaultRule | None = None


@dataclass(slots=True)
class Reply:
    """An answer; `lost` closes the connection in its place, `delay_s` holds it back."""

    status: int = OK
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    delay_s: float = 0.0


Handler: TypeAlias = Callable[[Call], Reply]


def json_reply(message: object, status: int = OK) -> Reply:
    """Make a JSON reply."""
    return Reply(status, json.dumps(message).encode(), {"Content-Type": JSON_TYPE})
