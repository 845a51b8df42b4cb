"""Names, and google-genai's messages as the records of the port."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.domain.source.metadata import MetadataEntry
from shared.gateways.ports import (
    Chunking,
    Document,
    ImportOperation,
    RemoteFile,
    RemoteState,
    Store,
)

if TYPE_CHECKING:
    from google.genai import types

_ID = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_STORE = rf"fileSearchStores/{_ID}"
FILE = re.compile(r"files/[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
STORE = re.compile(_STORE)
DOCUMENT = re.compile(rf"{_STORE}/documents/{_ID}")
OPERATION = re.compile(rf"(?P<store>{_STORE})/(?:upload/)?operations/{_ID}")
"""Resource names. google-genai puts them into URLs as they are, so nothing that means anything
there may be in them. What the service itself names is held to the alphabet, not to a length."""

_SHA256_HEX = re.compile(r"[0-9a-fA-F]{64}")

_STATES = {
    "ACTIVE": RemoteState.ACTIVE,
    "STATE_ACTIVE": RemoteState.ACTIVE,
    "FAILED": RemoteState.FAILED,
    "STATE_FAILED": RemoteState.FAILED,
}


def state(value: types.FileState | types.DocumentState | None) -> RemoteState:
    """The state of a file or document; a missing or unknown one is still on its way."""
    return _STATES.get("" if value is None else str(value.value), RemoteState.PENDING)


def sha256_hex(value: str | None) -> str:
    """Hex from ``sha256Hash``: base64, and of the hex text rather than of the digest."""
    try:
        raw = base64.b64decode(value or "", validate=True)
    except binascii.Error:
        return ""
    text = raw.decode("ascii", "replace") if len(raw) != 32 else raw.hex()  # noqa: PLR2004 - bytes
    return text.lower() if _SHA256_HEX.fullmatch(text) else ""


def remote_file(reply: types.File) -> RemoteFile:
    """A raw file, its error (if any) as code and message."""
    error = reply.error
    return RemoteFile(
        name=_named(reply.name),
        state=state(reply.state),
        size=reply.size_bytes,
        sha256=sha256_hex(reply.sha256_hash),
        expires_at=reply.expiration_time,
        error="" if error is None else f"{error.code or ''} {error.message or ''}".strip(),
    )


def import_operation(reply: types.ImportFileOperation) -> ImportOperation:
    """``done`` is missing while it runs; the document's id comes bare, or in a full name."""
    name = _named(reply.name)
    error = reply.error or {}
    code = error.get("code")
    document = reply.response.document_name if reply.response else None
    return ImportOperation(
        name=name,
        done=reply.done is True,
        document=_document_name(name, document) if document else None,
        error_code=int(code) if code is not None else None,
        error=str(error.get("message") or ""),
    )


def document(reply: types.Document) -> Document:
    """A document with its metadata by key."""
    return Document(
        name=_named(reply.name),
        display_name=reply.display_name or "",
        state=state(reply.state),
        size=reply.size_bytes,
        created_at=reply.create_time,
        metadata={entry.key: _value(entry) for entry in reply.custom_metadata or () if entry.key},
    )


def store(reply: types.FileSearchStore) -> Store:
    """A store; a count that is zero is left out of the reply."""
    return Store(
        name=_named(reply.name),
        display_name=reply.display_name or "",
        embedding_model=reply.embedding_model or "",
        active_documents=reply.active_documents_count or 0,
        pending_documents=reply.pending_documents_count or 0,
        failed_documents=reply.failed_documents_count or 0,
        size_bytes=reply.size_bytes or 0,
    )


def import_config(
    metadata: Sequence[MetadataEntry], chunking: Chunking | None
) -> types.ImportFileConfigDict:
    """A configuration of its own for each call: google-genai writes into shared ones."""
    config: types.ImportFileConfigDict = {}
    if metadata:
        config["custom_metadata"] = [_custom_metadata(entry) for entry in metadata]
    if chunking is not None:
        config["chunking_config"] = {
            "white_space_config": {
                "max_tokens_per_chunk": chunking.max_tokens_per_chunk,
                "max_overlap_tokens": chunking.max_overlap_tokens,
            }
        }
    return config


def _custom_metadata(entry: MetadataEntry) -> types.CustomMetadataDict:
    match entry.value:
        case str(text):
            return {"key": entry.key, "string_value": text}
        case tuple(texts):
            return {"key": entry.key, "string_list_value": {"values": list(texts)}}
        case number:
            return {"key": entry.key, "numeric_value": number}


def _value(entry: types.CustomMetadata) -> str | float | tuple[str, ...]:
    if entry.numeric_value is not None:
        return entry.numeric_value
    if entry.string_list_value is not None:
        return tuple(entry.string_list_value.values or ())
    return entry.string_value or ""


def _document_name(operation: str, document: str) -> str:
    if "/" not in document and (place := OPERATION.fullmatch(operation)):
        document = f"{place['store']}/documents/{document}"
    if not DOCUMENT.fullmatch(document):
        raise ValueError("a document's name of unknown form")
    return document


def _named(name: str | None) -> str:
    if not name:
        raise ValueError("a reply without a name")
    return name
