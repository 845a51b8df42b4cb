"""Refusals of requests, with the status codes of the real service."""

from __future__ import annotations

from enum import Enum


class Code(Enum):
    """The gRPC status codes that are used, by their names."""

    ABORTED = "ABORTED"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    UNIMPLEMENTED = "UNIMPLEMENTED"


class Refused(Exception):
    """A request was refused.

    Attributes:
        code: The status code of the answer.
        message: What was wrong, for a person.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def aborted(message: str) -> Refused:
    """Other transactions were in the way; the same may succeed if it is tried again."""
    return Refused(Code.ABORTED, message)


def already_exists(message: str) -> Refused:
    """A document to create exists."""
    return Refused(Code.ALREADY_EXISTS, message)


def failed_precondition(message: str) -> Refused:
    """A document has another version than required, or a query lacks its index."""
    return Refused(Code.FAILED_PRECONDITION, message)


def invalid(message: str) -> Refused:
    """The request violates a documented limit or format."""
    return Refused(Code.INVALID_ARGUMENT, message)


def not_found(message: str) -> Refused:
    """A document that must exist does not."""
    return Refused(Code.NOT_FOUND, message)


def unimplemented(message: str) -> Refused:
    """The real service supports this, but this server does not."""
    return Refused(Code.UNIMPLEMENTED, message)
