"""Refusals, with the status codes of the real service."""

from __future__ import annotations

import grpc


class Refused(Exception):
    """A request was refused.

    Attributes:
        code: The gRPC status code of the answer.
        message: What was wrong, for a person.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    """The request violates a documented limit or format."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> Refused:
    """The queue, task or operation does not exist, or no longer exists."""
    return Refused(grpc.StatusCode.NOT_FOUND, message)


def already_exists(message: str) -> Refused:
    """The name is in use, or was until recently."""
    return Refused(grpc.StatusCode.ALREADY_EXISTS, message)


def failed_precondition(message: str) -> Refused:
    """The request is not possible in the current state of the server."""
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)


def unimplemented(message: str) -> Refused:
    """The real service supports this, but this server does not."""
    return Refused(grpc.StatusCode.UNIMPLEMENTED, message)
