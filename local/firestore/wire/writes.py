"""Writes from messages, and their results to messages."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from local.firestore.engine.write import Change, Transform, Write, Written
from local.firestore.query.field_path import FieldPath, parsed
from local.firestore.refusals import invalid, unimplemented
from local.firestore.values.kinds import Value, is_number
from local.firestore.wire.documents import mask_of
from local.firestore.wire.messages import Message, WriteResult, micros, set_micros
from local.firestore.wire.names import document_name
from local.firestore.wire.values import MAX_DEPTH, check_name, fields_of, set_value, value_of

MAX_TRANSFORMS: Final = 500
"""Source: Firestore, "Quotas and limits", field transformations of one document in a commit."""

_NUMBERS: Final[Mapping[str, Change]] = {
    "increment": Change.INCREMENT,
    "maximum": Change.MAXIMUM,
    "minimum": Change.MINIMUM,
}
_ARRAYS: Final[Mapping[str, Change]] = {
    "append_missing_elements": Change.UNION,
    "remove_all_from_array": Change.REMOVE,
}
_REQUEST_TIME: Final = 1


def write_of(message: Message, database: str) -> Write:
    """A write of one database.

    Raises:
        Refused: INVALID_ARGUMENT: it is malformed or beyond a limit.
    """
    kind = message.WhichOneof("operation")
    exists, updated = _precondition(message)
    if kind == "update":
        update = message.update
        mask = mask_of(message, "update_mask")
        for field in mask or ():
            _check_path(field)
        transforms = _transforms(message.update_transforms)
        path = path_in(update.name, database)
        return Write(path, fields_of(update), mask, transforms, exists, updated)
    if kind == "delete":
        return Write(path_in(message.delete, database), None, None, (), exists, updated)
    if kind == "transform":
        path = path_in(message.transform.document, database)
        transforms = _transforms(message.transform.field_transforms)
        return Write(path, {}, (), transforms, exists, updated)
    if kind is None:
        raise invalid("A write has no operation.")
    raise unimplemented(f"The write operation {kind} is not supported by the local Firestore.")


def path_in(text: str, database: str) -> str:
    """The path of a document, which must be in this database.

    Raises:
        Refused: INVALID_ARGUMENT: it is no document's name, or of another database.
    """
    name = document_name(text)
    if name.database != database:
        raise invalid(f"{text!r} is not in the database {database!r}.")
    return name.path


def result_message(result: Written) -> Message:
    """The message of a write's result."""
    message = WriteResult()
    if result.updated is not None:
        set_micros(message.update_time, result.updated)
    for value in result.transformed:
        set_value(message.transform_results.add(), value)
    return message


def _precondition(message: Message) -> tuple[bool | None, int | None]:
    condition = message.current_document
    match condition.WhichOneof("condition_type"):
        case "exists":
            return condition.exists, None
        case "update_time":
            return None, micros(condition.update_time)
        case _:
            return None, None


def _transforms(messages: Message) -> tuple[Transform, ...]:
    if len(messages) > MAX_TRANSFORMS:
        raise invalid(f"A document has more than {MAX_TRANSFORMS} transforms.")
    transforms = tuple(map(_transform, messages))
    paths = sorted({each.field for each in transforms})
    for path, following in pairwise(paths):
        if following[: len(path)] == path:
            raise invalid("A transform changes a part of what another one changes.")
    return transforms


def _transform(message: Message) -> Transform:
    path = parsed(message.field_path)
    _check_path(path)
    kind = message.WhichOneof("transform_type")
    if kind == "set_to_server_value":
        if message.set_to_server_value != _REQUEST_TIME:
            raise invalid("The server value is unknown.")
        return Transform(path, Change.TIME)
    if kind in _NUMBERS:
        value = value_of(getattr(message, kind))
        if not is_number(value):
            raise invalid("Input must be int64 or double.")
        return Transform(path, _NUMBERS[kind], value)
    if kind in _ARRAYS:
        items: list[Value] = [value_of(item, 1) for item in getattr(message, kind).values]
        if list in map(type, items):
            raise invalid("An array can't hold an array.")
        return Transform(path, _ARRAYS[kind], items)
    raise invalid("A transform has no type.")


def _check_path(path: FieldPath) -> None:
    if len(path) > MAX_DEPTH:
        raise invalid(f"Maps are nested more than {MAX_DEPTH} levels deep.")
    for name in path:
        check_name(name)
