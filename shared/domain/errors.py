"""The failures that the services tell apart, classified by what can be done about them.

Adapters choose the class by exception type, status code and documented fields; by a published
sentence only where a reply has nothing else. Nothing beyond the adapters reads a message's text.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

TOO_MANY_REQUESTS = 429
"""The HTTP status of a throttled request."""


class SyncError(Exception):
    """Something the sync could not do."""


class Conflict(SyncError):
    """The database document has changed since it was read: read it and decide again."""


class AlreadyExists(SyncError):
    """A database document of this name exists already."""


class LostLease(SyncError):
    """Another holder may have the writer's lease: stop writing."""


class InvalidRequest(SyncError):
    """The caller's request or the configuration is wrong; ``problems`` names each mistake."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class AlreadyRunning(SyncError):
    """Another batch is running; ``batch_id`` is its id."""

    def __init__(self, batch_id: str) -> None:
        super().__init__(f"batch {batch_id} is running: wait for its end, or cancel it")
        self.batch_id = batch_id


class NoSuchBatch(SyncError):
    """No batch has this id."""


class InvalidTask(SyncError):
    """This version can't read the task's payload.

    The task is dropped. Its file becomes overdue, and the supervisor then makes a new task.
    """


class Refused(SyncError):
    """A guard refused; the message has the figures and says how to allow it."""


class Exhausted(SyncError):
    """An allowance is used up; the same request may succeed later. The message says of which."""


class SourceChanged(SyncError):
    """The object no longer has the planned bytes: it is gone, or its length or hash differs."""


class NotIndexable(SyncError):
    """The object's bytes are not to be indexed; ``reason`` is a ``SkipReason``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class GatewayError(SyncError):
    """A call of a remote service failed.

    Attributes:
        call: Port and method, as in "gemini.upload" or "bucket.read".
        code: HTTP status, or the nearest to it; None without a reply.
        status: The service's name for the error, or the type of the client's exception.
        detail: The service's message.
        retry_after: The wait that the service asked for, by Retry-After or RetryInfo.
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
    """The allowance that a 429 is about, read from the ids in the reply's QuotaFailure."""

    RATE = "rate"
    DAY = "day"
    STORAGE = "storage"
    SPEND = "spend"


class Throttled(GatewayError):
    """The service answered 429. ``quota`` is RATE unless the reply says otherwise.

    ``storage_limit`` is the most bytes that the stores may hold, if the reply names it.
    """

    def __init__(
        self,
        call: str,
        *,
        quota: QuotaKind = QuotaKind.RATE,
        storage_limit: int | None = None,
        status: str = "",
        detail: str = "",
        retry_after: timedelta | None = None,
    ) -> None:
        code = TOO_MANY_REQUESTS
        super().__init__(call, code=code, status=status, detail=detail, retry_after=retry_after)
        self.quota = quota
        self.storage_limit = storage_limit


class Unavailable(GatewayError):
    """5xx or no connection: the call may be repeated safely, and may succeed then."""


class OutcomeUnknown(GatewayError):
    """The request was sent, but no usable reply came: it may have taken effect."""


class NotFound(GatewayError):
    """404: the resource doesn't exist."""


class NotSetUp(GatewayError):
    """Firestore or Cloud Tasks refused: a grant, an index, a database or a queue is missing.

    Never an error of Gemini, of the bucket or of a file. The same call succeeds once what
    ``missing`` names is there, so the work waits for it.

    Attributes:
        missing: What is missing, and what to do; a sentence without its full stop.
    """

    def __init__(
        self, call: str, missing: str, *, code: int | None = None, status: str = ""
    ) -> None:
        super().__init__(call, code=code, status=status, detail=missing)
        self.missing = missing

    def __str__(self) -> str:
        return f"{self.missing} ({self.call}: {self.code or 'no reply'} {self.status})"


KEY_ADVICE = (
    "The kind of the API key may be why: Google refuses unrestricted standard keys since 19 June "
    "2026, and all standard keys since September 2026. Make an auth key in the same project "
    "(docs/deploy.md says how)"
)
"""What to say where Gemini refuses a key. Source: Google's page on API keys."""


class Forbidden(GatewayError):
    """401 or 403: a bad key, a missing permission, or (for Gemini) a missing resource."""


class Unreadable(GatewayError):
    """An object of the bucket is listed, but a read of it is refused (400, 401 or 403)."""


class NameTaken(GatewayError):
    """409: a resource of this name exists already."""


class BadRequest(GatewayError):
    """Any other 4xx: the same request will fail again."""


class PayerMissing(BadRequest):
    """400: the bucket is one whose requesters pay, and no project was named that does."""
