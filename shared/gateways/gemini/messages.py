"""Forms of resource names, and conversion of google-genai's messages to the port's classes."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.domain.metadata.metadata import MetadataEntry
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
"""Forms of resource names. google-genai puts names into URLs without escaping, so a name may have
no character with a meaning there. For ids that the service chooses, the length is not checked."""

_SHA256_HEX = re.compile(r"[0-9a-fA-F]{64}")

_STATES = {
    "ACTIVE": RemoteState.ACTIVE,
    "STATE_ACTIVE": RemoteState.ACTIVE,
    "FAILED": RemoteState.FAILED,
    "STATE_FAILED": RemoteState.FAILED,
}


def state(value: types.FileState | types.DocumentState | None) -> RemoteState:
    """The state of a raw file or document; PENDING if it is missing or unknown."""
    return _STATES.get("" if value is None else str(value.value), RemoteState.PENDING)


def sha256_hex(value: str | None) -> str:
    """The hex digest from ``sha256Hash``, or ``""``.

    The field is base64, in practice of the digest's hex text rather than of its 32 bytes.
    """
    try:
        raw = base64.b64decode(value or "", validate=True)
    except binascii.Error:
        return ""
    text = raw.decode("ascii", "replace") if len(raw) != 32 else raw.hex()  # noqa: PLR2004 - bytes
    return text.lower() if _SHA256_HEX.fullmatch(text) else ""


def remote_file(reply: types.File) -> RemoteFile:
    """Convert a raw file; its error becomes a text with code and message."""
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
    """Convert an operation.

    While it runs, the reply has no ``done``. The document comes as an id only, or as a full name.
    """
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
    """Convert a document, with its metadata by key."""
    return Document(
        name=_named(reply.name),
        display_name=reply.display_name or "",
        state=state(reply.state),
        size=reply.size_bytes,
        created_at=reply.create_time,
        metadata={entry.key: value(entry) for entry in reply.custom_metadata or () if entry.key},
    )


def store(reply: types.FileSearchStore) -> Store:
    """Convert a store; counts of zero are missing from the reply."""
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
    """The configuration of an import; new for each call, since google-genai modifies it."""
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


def value(
    entry: types.CustomMetadata | types.GroundingChunkCustomMetadata,
) -> str | float | tuple[str, ...]:
    """The value of an entry of metadata."""
    if entry.numeric_value is not None:
        return entry.numeric_value
    if entry.string_list_value is not None:
        return tuple(entry.string_list_value.values or ())
    return entry.string_value or ""


def _document_name(operation: str, document: str) -> str:
    if "/" not in document and (place := OPERATION.fullmatch(operation)):
        document = f"{place['store']}/documents/{document}"
    if not DOCUMENT.fullmatch(document):
        raise ValueError("the document's name has an unknown form")
    return document


def _named(name: str | None) -> str:
    if not name:
        raise ValueError("the reply has no name")
    return name
