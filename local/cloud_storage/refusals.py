"""A call that is refused, as the service refuses it."""

from __future__ import annotations

from http import HTTPStatus


class Refused(Exception):
    """A refusal: the HTTP status, and the reason and message of the JSON API."""

    def __init__(self, status: HTTPStatus, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


def invalid(message: str) -> Refused:
    """An argument is wrong."""
    return Refused(HTTPStatus.BAD_REQUEST, "invalid", message)


def not_found(message: str) -> Refused:
    """There is no such thing."""
    return Refused(HTTPStatus.NOT_FOUND, "notFound", message)


def not_implemented(what: str) -> Refused:
    """The service can do it, and this server can't."""
    message = f"The local Cloud Storage has no {what}."
    return Refused(HTTPStatus.NOT_IMPLEMENTED, "notImplemented", message)
