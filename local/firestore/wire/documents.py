"""Documents to messages, whole or in part."""

from __future__ import annotations

from collections.abc import Sequence

from local.firestore.engine.applying import with_value
from local.firestore.query.document import Stored
from local.firestore.query.field_path import NAME, FieldPath, parsed, value_at
from local.firestore.values.kinds import MISSING, Fields
from local.firestore.wire.messages import Document, DocumentMessage, Message, set_micros
from local.firestore.wire.values import set_fields


def document_message(
    database: str, document: Stored, mask: Sequence[FieldPath] | None = None
) -> DocumentMessage:
    """The message of a document with all of its fields, or those of a mask."""
    body: bytes | None = getattr(document, "body", None)
    if mask is None and body is not None:
        message = Document.FromString(body)
    else:
        message = Document()
        fields = document.fields
        set_fields(message, fields if mask is None else _part(fields, mask))
    message.name = f"{database}/documents/{document.path}"
    set_micros(message.create_time, document.created)
    set_micros(message.update_time, document.updated)
    return message


def mask_of(request: Message, field: str = "mask") -> tuple[FieldPath, ...] | None:
    """The fields of a request's mask; None if it has none."""
    if not request.HasField(field):
        return None
    return tuple(map(parsed, getattr(request, field).field_paths))


def _part(fields: Fields, mask: Sequence[FieldPath]) -> Fields:
    part: Fields = {}
    for path in mask:
        value = MISSING if path == NAME else value_at(fields, path)
        if value is not MISSING:
            part = with_value(part, path, value)
    return part
