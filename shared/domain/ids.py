"""Identities worked out from content: keys, ids and tags. All are SHA-256, never secrets."""

from __future__ import annotations

import hashlib
import json

RAW_FILE_ID_LENGTH = 40
"""The Files API allows at most 40 characters of ``[a-z0-9-]`` for an id."""


def digest(*parts: object) -> str:
    """SHA-256 (hex) of the parts in canonical JSON, so that no two lists of parts collide."""
    canonical = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def file_id(path: str) -> str:
    """The id of a file's record: hashed, so that any path is legal and writes spread evenly."""
    return hashlib.sha256(path.encode()).hexdigest()


def content_key(
    *, path: str, size: int, content_hash: str, metadata_digest: str, import_settings: str
) -> str:
    """What a document is made from. Equal keys make equal documents; a new key is a new import.

    Args:
        path: The object's name.
        size: Bytes.
        content_hash: ``md5:<hex>`` or ``crc32c:<hex>`` as the bucket gives it.
        metadata_digest: See ``metadata.MetadataSources.digest``.
        import_settings: See ``import_settings_digest``.
    """
    return digest("content", path, size, content_hash, metadata_digest, import_settings)


def import_settings_digest(
    *, embedding_model: str, max_tokens_per_chunk: int, max_overlap_tokens: int
) -> str:
    """The settings outside the file that shape its document."""
    return digest("settings", embedding_model, max_tokens_per_chunk, max_overlap_tokens)


def raw_file_id(store: str, key: str, upload_epoch: int) -> str:
    """The Files API id of one upload: the same content meets its own earlier upload again.

    ``upload_epoch`` moves on where an earlier upload can't be used (failed, expiring, not ours).
    """
    return ("fss-" + digest("raw", store, key, upload_epoch))[:RAW_FILE_ID_LENGTH]


def owner_tag(*, bucket: str, prefix: str, deployment: str) -> str:
    """Marks the documents of one deployment; a document without it is never touched."""
    return digest("owner", bucket, prefix, deployment)[:16]
