"""Keys, ids and tags computed from content with SHA-256. None is a secret."""

from __future__ import annotations

import hashlib
import json

RAW_FILE_ID_LENGTH = 40
"""Characters; the Files API allows ids of at most 40 from ``[a-z0-9-]``."""

_canonical = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode


def digest(*parts: object) -> str:
    """SHA-256 (hex) of the parts as canonical JSON, which is different for every list of parts."""
    return hashlib.sha256(_canonical(parts).encode()).hexdigest()


def file_id(path: str) -> str:
    """The id of a file's record: a hash, so that any path is allowed and writes spread evenly."""
    return hashlib.sha256(path.encode()).hexdigest()


def content_key(
    *, path: str, size: int, content_hash: str, metadata_digest: str, import_settings: str
) -> str:
    """Identifies what a document is made from. Equal keys make equal documents.

    A file whose key has changed is imported again.

    Args:
        path: The object's name.
        size: The object's size in bytes.
        content_hash: See ``content_hash.Hashes``; that of an earlier version with the same bytes
            if there is one, since the bucket may tell another kind of hash each time.
        metadata_digest: See ``metadata.MetadataSources.digest``.
        import_settings: See ``import_settings_digest``.
    """
    return digest("content", path, size, content_hash, metadata_digest, import_settings)


def import_settings_digest(
    *, embedding_model: str, max_tokens_per_chunk: int, max_overlap_tokens: int
) -> str:
    """Digest of the settings that shape every document."""
    return digest("settings", embedding_model, max_tokens_per_chunk, max_overlap_tokens)


def raw_file_id(store: str, key: str, upload_epoch: int) -> str:
    """The Files API id of an upload, by which a repeated upload finds the earlier one.

    ``upload_epoch`` increases where the earlier upload can't be used (failed, expiring, not ours).
    """
    return ("fss-" + digest("raw", store, key, upload_epoch))[:RAW_FILE_ID_LENGTH]


def owner_tag(*, bucket: str, prefix: str, deployment: str) -> str:
    """The tag on all documents of one deployment; a document without it is never touched."""
    return digest("owner", bucket, prefix, deployment)[:16]
