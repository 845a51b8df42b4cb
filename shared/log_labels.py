"""What a log line is about: the batch, the file and the step at work, and the request's trace.

They hold for all lines that are logged within a block, in its thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_LABELS: ContextVar[Mapping[str, str]] = ContextVar("labels", default={})  # noqa: B039 - never changed
_TRACE: ContextVar[str] = ContextVar("trace", default="")

_TRACE_ID = re.compile(r"(?:00-)?([0-9a-f]{32})(?:[/-].*)?", re.IGNORECASE)
"""The id in ``X-Cloud-Trace-Context: ID/SPAN;o=1`` and in ``traceparent: 00-ID-SPAN-01``."""


def labels() -> Mapping[str, str]:
    """The labels in force, by name: ``batch``, ``file``, ``step``."""
    return _LABELS.get()


def trace() -> str:
    """The id of the trace that the request belongs to; empty if it isn't known."""
    return _TRACE.get()


@contextmanager
def labelled(**given: str) -> Iterator[None]:
    """Add labels to the lines of a block."""
    token = _LABELS.set({**_LABELS.get(), **given})
    try:
        yield
    finally:
        _LABELS.reset(token)


@contextmanager
def traced(*headers: str | None) -> Iterator[None]:
    """Name the trace of a request in its lines: the id in the first header that holds one."""
    found = [match[1].lower() for each in headers if each and (match := _TRACE_ID.fullmatch(each))]
    token = _TRACE.set(found[0] if found else "")
    try:
        yield
    finally:
        _TRACE.reset(token)
