"""Values to and from messages, with the documented limits of values.

Source: Firestore, "Quotas and limits": names of fields, depth of maps and arrays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from types import NoneType
from typing import Any, Final

from local.firestore.refusals import invalid, unimplemented
from local.firestore.values.kinds import Fields, GeoPoint, Reference, Value
from local.firestore.wire.messages import (
    EPOCH,
    Document,
    Message,
    ValueMessage,
    as_datetime,
)

MAX_DEPTH: Final = 20
MAX_NAME_BYTES: Final = 1500

_RESERVED: Final = re.compile(r"__.*__", re.DOTALL)
_VECTOR: Final = "__vector__"


def fields_of(message: Message) -> Fields:
    """The fields of a document or map.

    Raises:
        Refused: INVALID_ARGUMENT: a limit of names or values is exceeded.
    """
    return _fields(message.fields, 0)


def value_of(message: ValueMessage, depth: int = 0) -> Value:
    """A value; ``depth`` is how many maps and arrays it is in."""
    kind = message.WhichOneof("value_type")
    if kind is None:
        raise invalid("A value has no type.")
    return _READERS[kind](message, depth)


def set_fields(message: Message, fields: Fields) -> None:
    """Set the fields of a document or map."""
    target = message.fields
    for name, value in fields.items():
        set_value(target[name], value)


def set_value(message: ValueMessage, value: Value) -> None:
    """Set a value."""
    _WRITERS[type(value)](message, value)


def as_bytes(fields: Fields) -> bytes:
    """The bytes that ``from_bytes`` reads: a document without name and times."""
    message = Document()
    set_fields(message, fields)
    return bytes(message.SerializeToString())


def from_bytes(body: bytes) -> Fields:
    """The fields of stored bytes."""
    return fields_of(Document.FromString(body))


def _fields(messages: Mapping[str, ValueMessage], depth: int) -> Fields:
    fields = {}
    for name, message in messages.items():
        check_name(name)
        kind = message.WhichOneof("value_type")
        if kind is None:
            raise invalid(f"The value of {name} has no type.")
        fields[name] = _READERS[kind](message, depth)
    return fields


@lru_cache(4096)
def check_name(name: str) -> None:
    """Refuse what can't be the name of a field."""
    if not name:
        raise invalid("The name of a field is empty.")
    if len(name.encode()) > MAX_NAME_BYTES:
        raise invalid(f"The name of a field is longer than {MAX_NAME_BYTES} bytes.")
    if _RESERVED.fullmatch(name):
        raise invalid(f"The field name {name!r} is reserved.")


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise invalid(f"Maps and arrays are nested more than {MAX_DEPTH} levels deep.")
    return depth + 1


def _time(message: ValueMessage, _: int) -> datetime:
    try:
        return as_datetime(message.timestamp_value)
    except OverflowError:
        raise invalid("A time must be from the year 1 to the year 9999.") from None


def _point(message: ValueMessage, _: int) -> GeoPoint:
    point = message.geo_point_value
    if not (-90 <= point.latitude <= 90 and -180 <= point.longitude <= 180):  # noqa: PLR2004 - degrees
        raise invalid("A latitude is from -90 to 90 degrees, a longitude from -180 to 180.")
    return GeoPoint(point.latitude, point.longitude)


def _list(message: ValueMessage, depth: int) -> list[Value]:
    inner = _deeper(depth)
    items = [value_of(item, inner) for item in message.array_value.values]
    if list in map(type, items):
        raise invalid("An array can't hold an array.")
    return items


def _map(message: ValueMessage, depth: int) -> Fields:
    fields = message.map_value.fields
    if "__type__" in fields and fields["__type__"].string_value == _VECTOR:
        raise unimplemented("Vectors are not supported by the local Firestore.")
    return _fields(fields, _deeper(depth))


_READERS: Final[Mapping[str, Callable[[ValueMessage, int], Value]]] = {
    "null_value": lambda _, __: None,
    "boolean_value": lambda message, _: message.boolean_value,
    "integer_value": lambda message, _: message.integer_value,
    "double_value": lambda message, _: message.double_value,
    "timestamp_value": _time,
    "string_value": lambda message, _: message.string_value,
    "bytes_value": lambda message, _: message.bytes_value,
    "reference_value": lambda message, _: Reference(message.reference_value),
    "geo_point_value": _point,
    "array_value": _list,
    "map_value": _map,
}


def _set_null(message: ValueMessage, _: None) -> None:
    message.null_value = 0


def _set_time(message: ValueMessage, value: datetime) -> None:
    since = value - EPOCH
    message.timestamp_value.seconds = since.days * 86_400 + since.seconds
    message.timestamp_value.nanos = since.microseconds * 1000


def _set_point(message: ValueMessage, value: GeoPoint) -> None:
    message.geo_point_value.latitude = value.latitude
    message.geo_point_value.longitude = value.longitude
    message.geo_point_value.SetInParent()


def _set_reference(message: ValueMessage, value: Reference) -> None:
    message.reference_value = value.name


def _set_list(message: ValueMessage, value: list[Value]) -> None:
    message.array_value.SetInParent()
    add = message.array_value.values.add
    for item in value:
        set_value(add(), item)


def _set_map(message: ValueMessage, value: Fields) -> None:
    message.map_value.SetInParent()
    set_fields(message.map_value, value)


def _setter(name: str) -> Callable[[ValueMessage, Value], None]:
    return lambda message, value: setattr(message, name, value)


_WRITERS: Final[Mapping[type, Callable[[ValueMessage, Any], None]]] = {
    NoneType: _set_null,
    bool: _setter("boolean_value"),
    int: _setter("integer_value"),
    float: _setter("double_value"),
    datetime: _set_time,
    str: _setter("string_value"),
    bytes: _setter("bytes_value"),
    Reference: _set_reference,
    GeoPoint: _set_point,
    list: _set_list,
    dict: _set_map,
}
