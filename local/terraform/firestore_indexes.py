"""The indexes of terraform/modules/firestore/indexes.tf, in the form of ``firestore.indexes.json``.

The file is read as text, so Terraform need not be installed. A test compares the result with what
Terraform plans.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from local.packaging import ROOT

INDEXES_TF: Final = ROOT / "terraform" / "modules" / "firestore" / "indexes.tf"

_WORD: Final = re.compile(r'\s+|,|#[^\n]*|(?P<mark>[{}\[\]=])|(?P<text>"[^"$%\\]*"|[A-Za-z_]\w*)')


def firestore_indexes(file: Path = INDEXES_TF) -> dict[str, Any]:
    """Read the indexes and the fields with times of expiry.

    Raises:
        ValueError: The locals of the file are not literals, or one is missing.
    """
    text = file.read_text(encoding="utf-8")
    indexed: Mapping[str, Mapping[str, Sequence[str]]] = _local(text, "indexed_fields")
    composites: Sequence[Sequence[str]] = _local(text, "composite_indexes")
    expiring: Sequence[str] = _local(text, "expiring")
    overrides = [
        _override(collection, field, orders)
        for collection, fields in indexed.items()
        for field, orders in {**fields, "*": []}.items()
    ]
    overrides += [{**_override(each, "expires_at", []), "ttl": True} for each in expiring]
    return {"indexes": [_composite(each) for each in composites], "fieldOverrides": overrides}


def _composite(words: Sequence[str]) -> dict[str, Any]:
    collection, *fields = words
    return {
        "collectionGroup": collection,
        "queryScope": "COLLECTION",
        "fields": [
            {
                "fieldPath": word.removeprefix("-"),
                "order": "DESCENDING" if word.startswith("-") else "ASCENDING",
            }
            for word in fields
        ],
    }


def _override(collection: str, field: str, orders: Sequence[str]) -> dict[str, Any]:
    indexes = [{"order": order, "queryScope": "COLLECTION"} for order in orders]
    return {"collectionGroup": collection, "fieldPath": field, "indexes": indexes}


def _local(text: str, name: str) -> Any:  # noqa: ANN401 - a literal of any type
    found = re.search(rf"^\s*{name}\s*=", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"{name} is not in the file")
    return _literal(_words(text, found.end()))


def _words(text: str, at: int) -> Iterator[str]:
    while found := _WORD.match(text, at):
        at = found.end()
        if word := found["mark"] or found["text"]:
            yield word
    raise ValueError(f"not a literal: {text[at : at + 40]!r}")


def _literal(words: Iterator[str]) -> Any:  # noqa: ANN401 - a literal of any type
    word = next(words)
    if word == "[":
        return [*_items(words)]
    if word == "{":
        return dict(_pairs(words))
    return json.loads(word)


def _items(words: Iterator[str]) -> Iterator[Any]:
    while (word := next(words)) != "]":
        yield [*_items(words)] if word == "[" else json.loads(word)


def _pairs(words: Iterator[str]) -> Iterator[tuple[str, Any]]:
    for word in words:
        if word == "}":
            return
        if next(words) != "=":
            raise ValueError(f"{word} has no value")
        yield word.strip('"'), _literal(words)
