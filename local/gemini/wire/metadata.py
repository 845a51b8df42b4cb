"""Checks an import's custom metadata and chunking."""

from __future__ import annotations

import math
from contextlib import suppress

from local.gemini.wire.errors import invalid_argument
from local.gemini.wire.messages import JsonObject

MAX_ENTRIES = 20
MAX_STRING = 256
MAX_TOKENS_PER_CHUNK = 512

_VALUES = ("stringValue", "numericValue", "stringListValue")


def parse_metadata(value: object) -> list[JsonObject]:
    """Check `customMetadata` and return it in the API's format.

    Raises:
        ApiError: 400 for more than 20 entries, an entry without a key or without exactly one
            value, or a string longer than 256 characters.
    """
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_ENTRIES:
        raise invalid_argument(f"customMetadata must be a list of at most {MAX_ENTRIES} entries.")
    return [_entry(item) for item in value]


def _entry(item: object) -> JsonObject:
    if not isinstance(item, dict) or not isinstance(item.get("key"), str) or not item["key"]:
        raise invalid_argument("Each customMetadata entry needs a key.")
    key = item["key"]
    if unknown := set(item) - {"key", *_VALUES}:
        raise invalid_argument(f"customMetadata {key!r} has unknown fields: {sorted(unknown)}.")
    given = [name for name in _VALUES if item.get(name) is not None]
    if len(given) != 1:
        raise invalid_argument(f"customMetadata {key!r} needs exactly one value.")
    value = item[given[0]]
    match given[0]:
        case "stringValue":
            return {"key": key, "stringValue": _string(key, value)}
        case "numericValue":
            return {"key": key, "numericValue": _number(key, value)}
        case _:
            values = value.get("values", []) if isinstance(value, dict) else None
            if not isinstance(values, list):
                raise invalid_argument(f"customMetadata {key!r}: stringListValue needs values.")
            return {
                "key": key,
                "stringListValue": {"values": [_string(key, text) for text in values]},
            }


def _string(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_STRING:
        raise invalid_argument(
            f"customMetadata {key!r} must be a string of at most {MAX_STRING} characters."
        )
    return value


def _number(key: str, value: object) -> float:
    if not isinstance(value, bool) and isinstance(value, int | float | str):
        with suppress(ValueError, OverflowError):
            number = float(value)  # proto-JSON accepts a number as text, too
            if math.isfinite(number):
                return number
    raise invalid_argument(f"customMetadata {key!r} must be a finite number.")


def check_chunking(value: object) -> None:
    """Check `chunkingConfig`.

    Raises:
        ApiError: 400 for chunks of more than 512 tokens, or an overlap as large as the chunk.
    """
    config = {} if value is None else value
    if not isinstance(config, dict) or set(config) - {"whiteSpaceConfig"}:
        raise invalid_argument("chunkingConfig may have only a whiteSpaceConfig.")
    white_space = config.get("whiteSpaceConfig") or {}
    known = {"maxTokensPerChunk", "maxOverlapTokens"}
    if not isinstance(white_space, dict) or set(white_space) - known:
        raise invalid_argument(
            "whiteSpaceConfig may have only maxTokensPerChunk and maxOverlapTokens."
        )
    tokens = white_space.get("maxTokensPerChunk", MAX_TOKENS_PER_CHUNK)
    overlap = white_space.get("maxOverlapTokens", 0)
    if not isinstance(tokens, int) or not 0 < tokens <= MAX_TOKENS_PER_CHUNK:
        raise invalid_argument(f"maxTokensPerChunk must be from 1 to {MAX_TOKENS_PER_CHUNK}.")
    if not isinstance(overlap, int) or not 0 <= overlap < tokens:
        raise invalid_argument("maxOverlapTokens must be less than maxTokensPerChunk.")
