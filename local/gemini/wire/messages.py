"""Reads and writes JSON messages like proto-JSON."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Json]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def camel_case(value: object) -> Json:
    """Return `value` with all object keys in camelCase; proto-JSON accepts both spellings."""
    if isinstance(value, dict):
        return {_camel(str(key)): camel_case(item) for key, item in value.items()}
    if isinstance(value, list):
        return [camel_case(item) for item in value]
    return value


def parse_object(body: bytes) -> JsonObject:
    """Parse a request body; an empty body is an empty message.

    Raises:
        ValueError: The body is not a JSON object.
    """
    value = json.loads(body) if body.strip() else {}
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - bad input, no bug
    message: JsonObject = camel_case(value)
    return message


def without_defaults(message: JsonObject) -> JsonObject:
    """Remove what proto-JSON leaves out: empty strings, zeros, empty lists and nulls.

    An int64 is a string on the wire, so "0" is removed too.
    """
    return {key: value for key, value in message.items() if value not in (None, "", "0", 0, [], {})}
