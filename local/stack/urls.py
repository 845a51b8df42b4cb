"""The addresses of the parts of a local stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StackUrls:
    """The address of each part; `firestore` and `cloud_tasks` are ``host:port``, others URLs.

    `ask` is None if the ask function is not served, and `gemini` if it is the real service.
    """

    dispatcher: str
    upload: str
    status: str
    ask: str | None
    firestore: str
    project: str
    cloud_tasks: str
    cloud_tasks_admin: str
    storage: str
    gemini: str | None
    bucket: str
    queues: Mapping[str, str]
