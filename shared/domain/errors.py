"""Every failure the services decide on, by what can be done about it.

Adapters translate by exception type and status code; nothing here or above reads message texts.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

TOO_MANY_REQUESTS = 429
"""The HTTP status of a throttled request."""


class SyncError(Exception):
    """Something the sync could not do."""


class Conflict(SyncError):
    """The document changed since it was read: read again and decide again."""


class AlreadyExists(SyncError):
    """The name is taken."""


class LostLease(SyncError):
    """Somebody else may hold the writer's lease: stop writing."""


class InvalidRequest(SyncError):
    """The caller's request or the configuration is wrong; ``problems`` names each thing."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Refused(SyncError):
    """A guard said no, with the figures and the way to allow it."""


class SourceChanged(SyncError):
    """The object's bytes are not those that were planned: gone, shorter, longer or another hash."""


class GatewayError(SyncError):
    """A remote service failed. ``code`` is its HTTP status (or its nearest), None without a reply.

    ``call`` names the port and its method ("gemini.upload", "bucket.read"). ``retry_after`` is
    the service's own wish, from Retry-After or RetryInfo.
    """

    def __init__(
        self,
        call: str,
        *,
        code: int | None = None,
        status: str = "",
        detail: str = "",
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(f"{call}: {code or 'no reply'} {status} {detail}".strip())
        self.call = call
        self.code = code
        self.status = status
        self.detail = detail
        self.retry_after = retry_after

    @property
    def is_of_bucket(self) -> bool:
        return self.call.startswith("bucket.")

    @property
    def is_of_gemini(self) -> bool:
        return self.call.startswith("gemini.")


class QuotaKind(StrEnum):
    """Which allowance a 429 speaks of; the service's QuotaFailure ids tell."""

    RATE = "rate"
    DAY = "day"
    STORAGE = "storage"
    SPEND = "spend"


class Throttled(GatewayError):
    """429. ``quota`` is RATE unless the reply's details say otherwise."""

    def __init__(
        self,
        call: str,
        *,
        quota: QuotaKind = QuotaKind.RATE,
        status: str = "",
        detail: str = "",
        retry_after: timedelta | None = None,
    ) -> None:
        code = TOO_MANY_REQUESTS
        super().__init__(call, code=code, status=status, detail=detail, retry_after=retry_after)
        self.quota = quota


class Unavailable(GatewayError):
    """A 5xx, or no connection was made: nothing took effect, trying again may help."""


class OutcomeUnknown(GatewayError):
    """The request was sent and no usable reply came: it may have taken effect."""


class NotFound(GatewayError):
    """404."""


class Forbidden(GatewayError):
    """401 or 403: a bad key, or (as Gemini answers it) a resource that isn't there."""


class NameTaken(GatewayError):
    """409: there is already a resource of this name."""


class BadRequest(GatewayError):
    """Another 4xx: the same request will fail again."""
