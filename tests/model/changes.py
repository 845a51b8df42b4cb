"""What people do to a bucket, at random and repeatable."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Protocol

from tests.model.library import SIDECAR, UNSUPPORTED, Library, Object

SHELVES = ("", "a/", "a b/", "a/deep/er/", "\u00e9tudes/", "e\u0301tudes/", "日本語/", "z#1?/")
STEMS = (
    "note",
    "Note",
    "caf\u00e9",
    "cafe\u0301",  # looks the same
    "100% [sic] {x}",
    "it's \"quoted\" & 'so' + so; on=1",
    "\u202bשלום",
    "🦉 \U0010ffff",  # the last code point there is
    "\uffee wide",  # behind surrogates in UTF-16, before them in UTF-8
    "semi;colon,comma~tilde",
    "x" * 150,
)
ENDINGS = (".md",) * 8 + (".txt", ".py", ".HTML", "", UNSUPPORTED)
VALUES = ("", "one", "two", "drei ü", "四")


class Shelf(Protocol):
    """A bucket to which people write."""

    def put(self, name: str, content: bytes, metadata: dict[str, str]) -> None: ...

    def touch(self, name: str, metadata: dict[str, str]) -> None: ...

    def delete(self, name: str) -> None: ...


class Changes:
    """Makes the same changes to a bucket and to its model.

    Args:
        seed: Determines the changes.
        library: The model.
        shelf: The bucket.
        most: The most objects that are not sidecars.
    """

    def __init__(self, seed: int, library: Library, shelf: Shelf, most: int) -> None:
        self.chance = Random(seed)  # noqa: S311 - repeatable, not secret
        self._library = library
        self._shelf = shelf
        self._most = most
        self._gone: dict[str, Object] = {}
        self._serial = 0

    def fill(self, count: int) -> None:
        """Add so many objects."""
        for _ in range(count):
            self._add()

    def some(self) -> None:
        """Make no, few or many changes."""
        kinds: list[Callable[[], None]] = [
            self._add,
            self._add,
            self._change,
            self._change,
            self._touch,
            self._delete,
            self._rename,
            self._add_again,
            self._write_again,
            self._describe,
            self._describe_no_more,
            self._empty,
        ]
        for _ in range(self.chance.choice((0, 0, 1, 2, 5, 13, 34))):
            self.chance.choice(kinds)()

    # --- kinds ----------------------------------------------------------------------------------

    def _add(self) -> None:
        if len(self._library.bases()) < self._most:
            self._put(self._new_name(), Object(self._content(), self._metadata()))

    def _change(self) -> None:
        if name := self._any():
            self._put(name, Object(self._content(), self._library.objects[name].metadata))

    def _touch(self) -> None:
        if name := self._any():
            metadata = self._metadata()
            self._shelf.touch(name, metadata)
            self._library.objects[name] = Object(self._library.objects[name].content, metadata)

    def _delete(self) -> None:
        """Delete an object, sometimes without its sidecar."""
        if name := self._any():
            self._remove(name)
            if self.chance.random() < 0.7:
                self._remove(name + SIDECAR)

    def _rename(self) -> None:
        if name := self._any():
            self._put(self._new_name(), self._library.objects[name])
            self._remove(name)

    def _add_again(self) -> None:
        """Add a deleted object again, unchanged."""
        if self._gone and len(self._library.bases()) < self._most:
            name = self.chance.choice(sorted(self._gone))
            self._put(name, self._gone[name])

    def _write_again(self) -> None:
        """Write the same content as a new generation."""
        if name := self._any():
            self._put(name, self._library.objects[name])

    def _describe(self) -> None:
        """Write a sidecar, sometimes without its base."""
        name = self._any()
        if name is None or self.chance.random() < 0.1:
            name = self._new_name()
        content = json.dumps({"author": self.chance.choice(VALUES[1:])}, ensure_ascii=False)
        self._put(name + SIDECAR, Object(content.encode(), {}))

    def _describe_no_more(self) -> None:
        if sidecars := sorted(name for name in self._library.objects if name.endswith(SIDECAR)):
            self._remove(self.chance.choice(sidecars))

    def _empty(self) -> None:
        if name := self._any():
            self._put(name, Object(b"", self._library.objects[name].metadata))

    # --- doing ----------------------------------------------------------------------------------

    def _put(self, name: str, each: Object) -> None:
        self._shelf.put(name, each.content, dict(each.metadata))
        self._library.objects[name] = each
        self._gone.pop(name, None)

    def _remove(self, name: str) -> None:
        if name in self._library.objects:
            self._shelf.delete(name)
            self._gone[name] = self._library.objects.pop(name)

    def _any(self) -> str | None:
        names = self._library.bases()
        return self.chance.choice(names) if names else None

    def _new_name(self) -> str:
        chance = self.chance
        while True:
            number = chance.choice(("", "", f" {chance.randrange(100)}"))
            name = chance.choice(SHELVES) + chance.choice(STEMS) + number + chance.choice(ENDINGS)
            if name not in self._library.objects:
                return name

    def _content(self) -> bytes:
        """New content, sometimes that of another object."""
        self._serial += 1
        number = self.chance.choice((self._serial, 1))
        return f"text {number}\n".encode() * self.chance.randrange(1, 4)

    def _metadata(self) -> dict[str, str]:
        entries = {key: self.chance.choice(VALUES) for key in ("title", "author")}
        return {key: value for key, value in entries.items() if value}
