"""The API's errors, in the format of google.rpc.Status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from local.gemini.wire.messages import JsonObject


class ApiError(Exception):
    """A request was refused.

    Attributes:
        code: The HTTP status.
        status: The matching google.rpc.Code name; "" for a reply without one.
        message: The message for people.
        details: google.rpc error details, each with its `@type`.
        headers: Extra HTTP headers of the reply.
    """

    def __init__(
        self,
        code: int,
        status: str,
        message: str,
        *,
        details: Sequence[JsonObject] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def to_json(self) -> JsonObject:
        """Return the body of the reply."""
        error: JsonObject = {"code": self.code, "message": self.message}
        if self.status:
            error["status"] = self.status
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def invalid_argument(message: str, *, details: Sequence[JsonObject] = ()) -> ApiError:
    """400: the request is invalid in any state of the service."""
    return ApiError(400, "INVALID_ARGUMENT", message, details=details)


def failed_precondition(message: str) -> ApiError:
    """400: the request is valid, but not in the resource's current state."""
    return ApiError(400, "FAILED_PRECONDITION", message)


def no_permission(kind: str, name: str) -> ApiError:
    """403: the service's answer for a file or store that does not exist."""
    return ApiError(
        403,
        "PERMISSION_DENIED",
        f"You do not have permission to access the {kind} {name} or it may not exist.",
    )


def not_found(message: str) -> ApiError:
    """404: no such document, operation, media or route."""
    return ApiError(404, "NOT_FOUND", message)


def already_exists(message: str) -> ApiError:
    """409: the requested name is taken."""
    return ApiError(409, "ALREADY_EXISTS", message)


def taken_meanwhile(name: str) -> ApiError:
    """409 at the end of an upload, as users published it: without a status."""
    return ApiError(409, "", f"{name} already exists.")


def unavailable(message: str) -> ApiError:
    """503: the service can't answer for now; nothing had an effect."""
    return ApiError(503, "UNAVAILABLE", message)


def check_fields(message: object, *names: str) -> None:
    """Check that a message has only these fields.

    Raises:
        ApiError: 400 if it is not an object or has other fields.
    """
    if not isinstance(message, dict):
        raise invalid_argument("Invalid JSON payload received.")
    if unknown := sorted(set(message) - set(names)):
        raise invalid_argument(
            f"Invalid JSON payload received. Unknown name {unknown[0]!r}: Cannot find field."
        )
