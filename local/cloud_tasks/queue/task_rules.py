"""Checks a new task against the limits in the API reference of `Task` and `HttpRequest`."""

from __future__ import annotations

import re

from yarl import URL

from local.cloud_tasks.queue.queue_config import check_retry
from local.cloud_tasks.wire.errors import invalid, unimplemented
from local.cloud_tasks.wire.messages import Message, TaskMessage, http_method, seconds

MAX_TASK_BYTES = 100 * 1024
MAX_URL_LENGTH = 2083
MAX_HEADER_BYTES = 80 * 1024
MAX_SCHEDULE_AHEAD = 30 * 86_400.0
MIN_DISPATCH_DEADLINE = 15.0
MAX_DISPATCH_DEADLINE = 30 * 60.0
DEFAULT_DISPATCH_DEADLINE = 10 * 60.0

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")  # no control character but the tab
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


def check_task(
    task: TaskMessage, now: float, *, min_dispatch_deadline: float = MIN_DISPATCH_DEADLINE
) -> None:
    """Check everything except the name.

    Args:
        task: The message that the client sent.
        now: Seconds since the epoch.
        min_dispatch_deadline: Seconds; tests of the deadline use less than the service allows.

    Raises:
        Refused: INVALID_ARGUMENT, naming the limit, or UNIMPLEMENTED.
    """
    if task.HasField("app_engine_http_request"):
        raise unimplemented("App Engine tasks are not supported here.")
    if not task.HasField("http_request"):
        raise invalid("A task needs an http_request.")
    size = task.ByteSize()
    if size > MAX_TASK_BYTES:
        raise invalid(f"The task has {size} bytes; the limit is {MAX_TASK_BYTES} (100 KB).")
    if task.HasField("schedule_time"):
        ahead = seconds(task.schedule_time) - now
        if ahead > MAX_SCHEDULE_AHEAD:
            raise invalid("schedule_time must be at most 30 days ahead.")
    if task.HasField("dispatch_deadline"):
        deadline = seconds(task.dispatch_deadline)
        if not min_dispatch_deadline <= deadline <= MAX_DISPATCH_DEADLINE:
            raise invalid(
                f"dispatch_deadline must be between {min_dispatch_deadline:g} s and "
                f"{MAX_DISPATCH_DEADLINE:g} s, not {deadline:g} s."
            )
    if task.HasField("retry_config"):
        check_retry(task.retry_config)
    _check_request(task.http_request)


def _check_request(request: Message) -> None:
    if request.HasField("oauth_token"):
        raise unimplemented("http_request.oauth_token is not supported here; use oidc_token.")
    if request.HasField("oidc_token") and not request.oidc_token.service_account_email:
        raise invalid("http_request.oidc_token needs a service_account_email.")
    _check_url(request.url)
    method = http_method(request.http_method)
    if request.body and method not in _WITH_BODY:
        raise invalid(f"http_request.body is allowed with POST, PUT and PATCH, not with {method}.")
    size = 0
    for name, value in request.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise invalid(f"http_request.headers: {name!r} is not a valid header.")
        size += len(name.encode()) + len(value.encode())
    if size >= MAX_HEADER_BYTES:
        raise invalid(f"http_request.headers must have less than {MAX_HEADER_BYTES} bytes (80 KB).")


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise invalid("http_request.url must begin with http:// or https://.")
    try:
        parsed = URL(url)
    except ValueError as error:
        raise invalid(f"http_request.url is not a URL: {error}") from error
    if not parsed.host:
        raise invalid("http_request.url has no host.")
    if len(str(parsed)) > MAX_URL_LENGTH:
        raise invalid(f"http_request.url must have at most {MAX_URL_LENGTH} characters, encoded.")
