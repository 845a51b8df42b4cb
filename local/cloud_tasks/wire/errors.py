"""Refusals, with the status code the real service answers."""

from __future__ import annotations

import grpc


class Refused(Exception):
    """A request that is not carried out.

    Attributes:
        code: The gRPC status code of the answer.
        message: What was wrong, for a person.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    """The request breaks a documented limit or format."""
    return Refused(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> Refused:
    """The named queue, task or operation is not there (any more)."""
    return Refused(grpc.StatusCode.NOT_FOUND, message)


def already_exists(message: str) -> Refused:
    """The name is taken, or was until recently."""
    return Refused(grpc.StatusCode.ALREADY_EXISTS, message)


def failed_precondition(message: str) -> Refused:
    """The state of the server forbids it now."""
    return Refused(grpc.StatusCode.FAILED_PRECONDITION, message)


def unimplemented(message: str) -> Refused:
    """The real service can do it, this server can't."""
    return Refused(grpc.StatusCode.UNIMPLEMENTED, message)
