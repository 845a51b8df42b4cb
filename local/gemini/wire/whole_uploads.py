"""Uploads in one request: the protocols ``raw`` and ``multipart``."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

from local.gemini.wire.errors import invalid_argument

RAW = "raw"
MULTIPART = "multipart"


@dataclass(frozen=True, slots=True)
class WholeUpload:
    """The metadata (JSON, maybe empty), the content, and the content's type ("" if not given)."""

    metadata: bytes
    content: bytes
    mime_type: str


def parse_whole_upload(protocol: str, content_type: str, body: bytes) -> WholeUpload | None:
    """Take a request apart, or return None if its protocol is another one.

    Raises:
        ApiError: 400 if a multipart body does not consist of two parts.
    """
    if protocol == RAW:
        return WholeUpload(b"", body, content_type)
    if protocol != MULTIPART:
        return None
    boundary = _headers(f"Content-Type: {content_type}").get_param("boundary")
    if not isinstance(boundary, str):
        raise invalid_argument("A multipart upload needs a boundary.")
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]
    if len(parts) != 2:  # noqa: PLR2004 - the metadata and the content
        raise invalid_argument("A multipart upload has two parts: metadata and content.")
    (_, _, metadata), (head, _, content) = (part.partition(b"\r\n\r\n") for part in parts)
    mime_type = _headers(head.decode("latin-1").strip()).get("Content-Type", "")
    return WholeUpload(metadata, content, mime_type)


def _headers(text: str) -> Message:
    headers = Message()
    for line in text.splitlines():
        name, _, value = line.partition(":")
        headers[name.strip()] = value.strip()
    return headers
