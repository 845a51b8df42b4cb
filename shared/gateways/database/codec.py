"""Converts records (frozen dataclasses) to and from the fields of a Firestore document.

How a class is stored is derived once from its annotations: ``StrEnum`` as text, ``timedelta`` as
seconds, tuples as lists, nested dataclasses and mappings as maps, other values as they are. Fields
that a newer version added are ignored, and fields that an older version did not write get their
defaults.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from shared.domain.errors import SyncError
from shared.gateways.database.document_rules import FieldValue
from shared.gateways.ports import Fields

R = TypeVar("R")
_Convert = Callable[[FieldValue], FieldValue]


class MalformedRecord(SyncError):
    """A document doesn't match its class.

    The message names the document, the class, the field and the fault.

    Attributes:
        record: The class.
        field: The field.
        document: The document's path; empty for fields of no document.
    """

    def __init__(self, record: type, field: str, fault: str, document: str = "") -> None:
        of = f"{document}: " if document else ""
        super().__init__(f"{of}{record.__name__}.{field}: {fault}")
        self.record = record
        self.field = field
        self.document = document
        self._fault = fault

    def of(self, document: str) -> MalformedRecord:
        """The same fault, of the document with this path."""
        return MalformedRecord(self.record, self.field, self._fault, document)


def to_fields(record: object) -> dict[str, FieldValue]:
    """The record as fields of a document.

    Raises:
        TypeError: The class has a field of a type that can't be stored.
    """
    return {
        name: getattr(record, name) if encode is None else encode(getattr(record, name))
        for name, _, _, _, encode in _plan(type(record))
    }


def changed_fields(new: object, old: object) -> dict[str, FieldValue]:
    """The fields of ``new`` whose values differ from those of ``old``, of the same class."""
    fields = {}
    for name, _, _, _, encode in _plan(type(new)):
        value = getattr(new, name)
        if value != getattr(old, name):
            fields[name] = value if encode is None else encode(value)
    return fields


def from_fields(cls: type[R], fields: Fields) -> R:
    """The record of class ``cls`` that these fields were made from.

    Raises:
        MalformedRecord: A field has the wrong type, or is missing and has no default.
        TypeError: The class has a field of a type that can't be stored.
    """
    values = {}
    for name, required, plain, decode, _ in _plan(cls):
        if name in fields:
            value = fields[name]
            try:
                values[name] = value if type(value) is plain else decode(value)
            except (TypeError, ValueError) as error:
                raise MalformedRecord(cls, name, str(error)) from error
        elif required:
            raise MalformedRecord(cls, name, "missing")
    return cls(**values)


@dataclass(frozen=True, slots=True)
class _Codec:
    """How one type is stored.

    Attributes:
        decode: Converts the stored value; raises ``TypeError`` or ``ValueError``.
        encode: Converts the value to store; None if it is stored as it is.
        plain: Stored values of exactly this type need no conversion; None if all do.
    """

    decode: _Convert
    encode: _Convert | None = None
    plain: type | None = None


class _Field(NamedTuple):
    name: str
    required: bool
    plain: type | None
    decode: _Convert
    encode: _Convert | None


_plans: dict[type, tuple[_Field, ...]] = {}


def _plan(cls: type) -> tuple[_Field, ...]:
    if cls not in _plans:
        _plans[cls] = _planned(cls)
    return _plans[cls]


def _planned(cls: type) -> tuple[_Field, ...]:
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"{cls.__name__} is not a dataclass")
    hints = get_type_hints(cls)
    plan = []
    for field in dataclasses.fields(cls):
        codec = _codec(hints[field.name])
        required = field.default is MISSING and field.default_factory is MISSING
        plan.append(_Field(field.name, required, codec.plain, codec.decode, codec.encode))
    return tuple(plan)


def _codec(hint: Any) -> _Codec:  # noqa: ANN401 - an annotation
    origin, arguments = get_origin(hint), get_args(hint)
    match arguments:
        case (inner, other) if origin in (Union, UnionType) and other is NoneType:
            return _optional(_codec(inner))
        case (inner, end) if origin is tuple and end is Ellipsis:
            return _sequence(_codec(inner))
        case (key, inner) if origin in (dict, Mapping) and key is str:
            return _mapping(_codec(inner))
    if hint in (str, int, bool):
        return _Codec(_exactly(hint), plain=hint)
    if hint is float:
        return _Codec(_as_float, plain=float)
    if hint is datetime:
        return _Codec(_as_datetime, plain=datetime)
    if hint is timedelta:
        return _Codec(lambda value: timedelta(seconds=_as_float(value)), timedelta.total_seconds)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _Codec(hint, str)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _nested(hint)
    raise TypeError(f"values of type {hint} can't be stored")


def _exactly(kind: type) -> _Convert:
    def decode(value: FieldValue) -> FieldValue:
        if type(value) is not kind:
            raise _wrong(value, kind.__name__)
        return value

    return decode


def _as_float(value: FieldValue) -> float:
    if type(value) is not float and type(value) is not int:
        raise _wrong(value, "float")
    return float(value)


def _as_datetime(value: FieldValue) -> datetime:
    if not isinstance(value, datetime):
        raise _wrong(value, "datetime")
    return value


def _optional(inner: _Codec) -> _Codec:
    decode, encode = inner.decode, inner.encode
    return _Codec(
        lambda value: None if value is None else decode(value),
        encode and (lambda value: None if value is None else encode(value)),
        inner.plain,
    )


def _sequence(inner: _Codec) -> _Codec:
    def decode(value: FieldValue) -> tuple[FieldValue, ...]:
        if not isinstance(value, list):
            raise _wrong(value, "list")
        return tuple(map(inner.decode, value))

    encode = inner.encode
    return _Codec(decode, list if encode is None else lambda value: list(map(encode, value)))


def _mapping(inner: _Codec) -> _Codec:
    decode_item, encode_item = inner.decode, inner.encode

    def decode(value: FieldValue) -> dict[str, FieldValue]:
        if not isinstance(value, dict):
            raise _wrong(value, "map")
        return {key: decode_item(item) for key, item in value.items()}

    if encode_item is None:
        return _Codec(decode, dict)
    return _Codec(decode, lambda value: {key: encode_item(item) for key, item in value.items()})


def _nested(cls: type) -> _Codec:
    def decode(value: FieldValue) -> object:
        if not isinstance(value, dict):
            raise _wrong(value, "map")
        return from_fields(cls, value)

    return _Codec(decode, to_fields)


def _wrong(value: FieldValue, expected: str) -> TypeError:
    return TypeError(f"{type(value).__name__} instead of {expected}")
