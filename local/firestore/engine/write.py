"""What a write says, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from local.firestore.query.document import Micros
from local.firestore.query.field_path import FieldPath
from local.firestore.values.kinds import Fields, Value


class Change(Enum):
    """How a transform changes a field."""

    TIME = "the time of the commit"
    INCREMENT = "add a number"
    MAXIMUM = "the greater of two numbers"
    MINIMUM = "the lesser of two numbers"
    UNION = "add what an array lacks"
    REMOVE = "remove all such elements of an array"


@dataclass(frozen=True, slots=True)
class Transform:
    """A change of one field that depends on its value; of the time, ``operand`` is None."""

    field: FieldPath
    change: Change
    operand: Value = None


@dataclass(frozen=True, slots=True)
class Write:
    """A change of one document.

    Attributes:
        path: The document, below the database.
        fields: The new fields; None deletes the document.
        mask: The fields to set; those that ``fields`` lacks are deleted. None replaces all.
        transforms: Further changes, made after these.
        exists: What must be so before; None: anything.
        updated: The version that the document must have; None: any.
    """

    path: str
    fields: Fields | None
    mask: tuple[FieldPath, ...] | None = None
    transforms: tuple[Transform, ...] = ()
    exists: bool | None = None
    updated: Micros | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a write.

    Attributes:
        updated: The document's version; if nothing changed, the earlier one; None: deleted.
        transformed: The value that each transform left; of arrays, None.
    """

    updated: Micros | None
    transformed: tuple[Value, ...] = ()
