"""Names of objects and buckets; https://cloud.google.com/storage/docs/objects#naming."""

from __future__ import annotations

import re

from local.cloud_storage.refusals import invalid

MAX_BYTES = 1024

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_RESERVED = b".well-known/acme-challenge/"


def object_name(name: str) -> bytes:
    """An object's name in UTF-8, in whose order objects are listed.

    Raises:
        Refused: No object can have this name.
    """
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise invalid("The object name is not valid UTF-8.") from None
    if not 0 < len(encoded) <= MAX_BYTES:
        raise invalid(f"An object name has 1 to {MAX_BYTES} bytes, not {len(encoded)}.")
    if b"\r" in encoded or b"\n" in encoded:
        raise invalid("An object name has no line breaks.")
    if encoded in {b".", b".."} or encoded.startswith(_RESERVED):
        raise invalid(f"The object name {name} is reserved.")
    return encoded


def bucket_name(name: object) -> str:
    """A bucket's name.

    Raises:
        Refused: No bucket can have this name.
    """
    if not isinstance(name, str) or not _BUCKET.fullmatch(name):
        raise invalid(f"Invalid bucket name: {name!r}")
    return name


def end_of(prefix: bytes) -> bytes | None:
    """The first name after all that start with ``prefix``; None for no prefix.

    UTF-8 has no byte 255, so the last byte can be increased.
    """
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else None
