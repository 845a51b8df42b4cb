"""The Gemini key: read from a file, given to Google's client, shown nowhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from shared.gateways.gemini.connection import API_VERSION

if TYPE_CHECKING:
    from google import genai


class UnusableKey(Exception):
    """The file has no key; the message says why, without the file's content."""


def read_key(file: Path) -> str:
    """Return the key in a file: its only line.

    Raises:
        UnusableKey: The file can't be read, is empty, or has more than one line or word.
    """
    try:
        words = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UnusableKey(f"{file} can't be read: {reason}") from None
    if len(words) != 1:
        raise UnusableKey(f"{file} should hold the Gemini key and nothing else")
    return words[0]


@contextlib.contextmanager
def gemini_client(key: str) -> Iterator[genai.Client]:
    """Open Google's client with a key."""
    from google import genai  # noqa: PLC0415 - its import takes half a second
    from google.genai import types  # noqa: PLC0415 - as above

    options = types.HttpOptions(api_version=API_VERSION)
    with genai.Client(api_key=key, vertexai=False, http_options=options) as client:
        yield client
