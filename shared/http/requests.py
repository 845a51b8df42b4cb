"""Requests: bodies, read within limits of size and time, and query parameters."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import (
    BadRequest,
    RequestEntityTooLarge,
    RequestTimeout,
)

from shared.domain.errors import InvalidRequest, InvalidTask
from shared.domain.file.record import FileStatus
from shared.domain.strict_json import parsed

if TYPE_CHECKING:
    from flask import Request

MAX_BODY = 65_536
"""Largest body in bytes. A question and its filter, of 3,000 characters together, are 36,000 bytes
if each character is written as two escapes; no other route needs more than a few hundred."""

BODY_PATIENCE = timedelta(seconds=10)
"""Time within which a body must have arrived. It holds up its own request only, since the watchdog
runs from then on."""

Model = TypeVar("Model", bound=BaseModel)


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


class ChangesQuery(BaseModel):
    """Query parameters of a dry run's changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_token: str = Field("", max_length=512)


class ListQuery(PageQuery):
    """Query parameters of a list of files in order of their paths."""

    prefix: str = Field("", max_length=1024)
    kind: str = Field("", max_length=64)
    text: str = Field("", max_length=256)


class FileQuery(BaseModel):
    """Query parameters of one file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(min_length=1, max_length=1024)


def checked_query(model: type[Model], request: Request) -> Model:
    """The query parameters as ``model``. Raises ``InvalidRequest``, which names every problem."""
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidRequest(*(f"{name}: is given more than once" for name in repeated))
    return _validated(model, request.args.to_dict())


def checked_body(model: type[Model], request: Request) -> Model:
    """The request's body as ``model``. Raises ``InvalidRequest``, which names every problem."""
    return _validated(model, _json_object(request))


def task_body(request: Request) -> dict[str, Any]:
    """The body of a task.

    Raises:
        InvalidTask: The body is not a JSON object. (A 400 would bring the task back for ever.)
    """
    try:
        return _json_object(request)
    except InvalidRequest as error:
        raise InvalidTask(str(error)) from None


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


def _json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object; an empty body counts as an empty object.

    Raises ``InvalidRequest`` if the body is not JSON, or not an object.
    """
    text = request.get_data()
    if not text.strip():
        return {}
    try:
        body = parsed(text)
    except ValueError as error:
        raise InvalidRequest(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    return body


def read_body(request: Request, patience: timedelta) -> None:
    """Read the body, so that all later reads of it find it in memory, and small.

    If that fails, later reads find an empty body. So nothing else of it is waited for or kept, and
    the server closes the connection.

    Raises:
        RequestEntityTooLarge: The body is larger than ``MAX_BODY``.
        RequestTimeout: It has not arrived within ``patience``.
        BadRequest: It is shorter than announced, or its chunks are malformed.
    """
    late = threading.Event()
    try:
        with _ended_after(patience, request, late):
            _read(request)
    except Exception as error:
        request.stream = io.BytesIO()
        match error:
            case RequestEntityTooLarge():
                raise RequestEntityTooLarge(f"the body has more than {MAX_BODY} bytes") from None
            case _ if late.is_set():
                raise RequestTimeout(f"the body did not arrive within {patience}") from error
            case _:
                raise BadRequest(f"the body is malformed: {error}") from error


def _read(request: Request) -> None:
    # A stream ends silently at its limit: the byte beyond tells that there is more.
    request.max_content_length = MAX_BODY + 1
    length = len(request.get_data())
    if length > MAX_BODY:
        raise RequestEntityTooLarge
    if length < (request.content_length or 0):
        raise EOFError("it is shorter than its Content-Length")


@contextmanager
def _ended_after(patience: timedelta, request: Request, late: threading.Event) -> Iterator[None]:
    """End a read of the body that takes longer than ``patience``, and set ``late``.

    Each byte may come in time, and the body still take for ever. So no time-out of a single read
    will do: the connection's incoming side is shut down, from which on every read finds its end.
    """
    connection = request.environ.get("gunicorn.socket")
    awaited = request.content_length or "Transfer-Encoding" in request.headers
    if connection is None or not awaited:
        yield
        return

    def end() -> None:
        late.set()
        with suppress(OSError):  # the client has closed it
            connection.shutdown(socket.SHUT_RD)

    timer = threading.Timer(patience.total_seconds(), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
