"""The document that a write leaves."""

from __future__ import annotations

from typing import Final

from local.firestore.engine.transforms import shown, transformed
from local.firestore.engine.write import Write
from local.firestore.query.document import Document, Micros, Stored
from local.firestore.query.field_path import FieldPath, value_at
from local.firestore.refusals import already_exists, failed_precondition, invalid, not_found
from local.firestore.values.kinds import MISSING, Fields, Value, identical
from local.firestore.values.size import document_size

MAX_DOCUMENT_BYTES: Final = 1_048_576
"""Source: Firestore, "Quotas and limits", maximum size for a document."""


def applied(write: Write, before: Stored | None, at: Micros) -> tuple[Stored | None, list[Value]]:
    """The document after the write, and the values that its transforms left.

    The document is ``before`` itself if nothing changed, so its version stays, as in Firestore.

    Args:
        write: The write.
        before: The document before it, or None.
        at: The time of the commit, which becomes the version.

    Raises:
        Refused: The precondition does not hold (ALREADY_EXISTS, NOT_FOUND, FAILED_PRECONDITION),
            or the document would be too large (INVALID_ARGUMENT).
    """
    _check_precondition(write, before)
    if write.fields is None:
        return None, []
    fields = _masked(write, before)
    results = []
    for transform in write.transforms:
        value = transformed(transform, value_at(fields, transform.field), at)
        fields = with_value(fields, transform.field, value)
        results.append(shown(transform, value))
    if document_size(write.path, fields) > MAX_DOCUMENT_BYTES:
        raise invalid(
            f"The document {write.path} would be larger than the maximum allowed size of "
            f"{MAX_DOCUMENT_BYTES:,} bytes."
        )
    if before is None:
        return Document(write.path, fields, at, at), results
    if identical(before.fields, fields):
        return before, results
    return Document(write.path, fields, before.created, at), results


def with_value(fields: Fields, path: FieldPath, value: Value) -> Fields:
    """A copy with this value at the path; ``MISSING`` deletes the field. Parents become maps."""
    name, *rest = path
    copy = dict(fields)
    if rest:
        inner = fields.get(name)
        if type(inner) is not dict:
            if value is MISSING:
                return fields
            inner = {}
        copy[name] = with_value(inner, tuple(rest), value)
    elif value is MISSING:
        copy.pop(name, None)
    else:
        copy[name] = value
    return copy


def _masked(write: Write, before: Stored | None) -> Fields:
    given = write.fields or {}
    if write.mask is None:
        return given
    fields: Fields = {} if before is None else before.fields
    for path in write.mask:
        fields = with_value(fields, path, value_at(given, path))
    return fields


def _check_precondition(write: Write, before: Stored | None) -> None:
    if write.exists is True and before is None:
        raise not_found(f"No document to update: {write.path}")
    if write.exists is False and before is not None:
        raise already_exists(f"Document already exists: {write.path}")
    if write.updated is not None and (before is None or before.updated != write.updated):
        stored = 0 if before is None else before.updated
        raise failed_precondition(
            f"The stored version ({stored}) of {write.path} does not match the required base "
            f"version ({write.updated})."
        )
