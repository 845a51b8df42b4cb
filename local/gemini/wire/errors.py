"""The API's errors, as google.rpc.Status writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from local.gemini.wire.messages import JsonObject


class ApiError(Exception):
    """A refused request.

    Attributes:
        code: The HTTP status.
        status: The google.rpc.Code name that goes with it.
        message: For people.
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
        error: JsonObject = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def invalid_argument(message: str, *, details: Sequence[JsonObject] = ()) -> ApiError:
    """400: the request is wrong whatever the state of the service."""
    return ApiError(400, "INVALID_ARGUMENT", message, details=details)


def failed_precondition(message: str) -> ApiError:
    """400: the request is well formed, but the resource is not in a state for it."""
    return ApiError(400, "FAILED_PRECONDITION", message)


def no_permission(kind: str, name: str) -> ApiError:
    """403: what the service answers for a file or a store that does not exist."""
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


def check_fields(message: object, *names: str) -> None:
    """Check that a message has no fields but these.

    Raises:
        ApiError: 400, it is no object or has others.
    """
    if not isinstance(message, dict):
        raise invalid_argument("Invalid JSON payload received.")
    if unknown := sorted(set(message) - set(names)):
        raise invalid_argument(
            f"Invalid JSON payload received. Unknown name {unknown[0]!r}: Cannot find field."
        )
