"""A request, what is known about it, and its reply."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from local.gemini.traffic.faults import FaultRule
from local.gemini.wire.messages import JsonObject
from local.gemini.wire.routes import Route
from local.gemini.wire.whole_uploads import WholeUpload

UPLOAD_STATUS = "X-Goog-Upload-Status"
OK = 200
JSON_TYPE = "application/json; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Head:
    """A request without its body. Header names are lower case; `base_url` is the simulator's."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    base_url: str


@dataclass(slots=True)
class Call:
    """A request being handled, and what is known about it.

    Attributes:
        route: Its route; None if there is no such route.
        names: The names in its path.
        resource: The name of the resource it concerns, as far as known.
        body: Its body, empty until it has been read.
        message: The body as a JSON object; empty on the upload routes.
        whole: The content that came with the metadata, in an upload of one request.
        fault: The fault to inject, if any.
    """

    head: Head
    route: Route | None
    names: Mapping[str, str]
    resource: str = ""
    body: bytes = b""
    message: JsonObject = field(default_factory=dict)
    whole: WholeUpload | None = None
    fault: FaultRule | None = None


@dataclass(slots=True)
class Reply:
    """A reply. `lost`: close the connection instead of sending it. `delay_s`: send it later."""

    status: int = OK
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    delay_s: float = 0.0


Handler: TypeAlias = Callable[[Call], Reply]


def json_reply(message: object, status: int = OK) -> Reply:
    """Return a JSON reply."""
    return Reply(status, json.dumps(message).encode(), {"Content-Type": JSON_TYPE})
