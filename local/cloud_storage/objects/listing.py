"""A page of a listing: objects, and prefixes that stand for all objects behind them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from local.cloud_storage.objects.names import end_of
from local.cloud_storage.objects.preconditions import number
from local.cloud_storage.refusals import invalid, not_implemented

MOST = 1000
"""Most objects and prefixes in a page."""

_UNSUPPORTED = ("includeTrailingDelimiter", "matchGlob", "softDeleted")

Item = TypeVar("Item")
Scan = Callable[[bytes, bytes | None], Iterator[tuple[bytes, Item]]]
"""Yields the names and objects from a first name on up to a name, by name; None: to the end."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listing asks for.

    Attributes:
        start: The first possible name.
        end: The name that ends the listing and isn't in it; None for all.
    """

    prefix: bytes
    delimiter: bytes
    start: bytes
    end: bytes | None
    most: int

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """What the parameters of a call ask for.

        Raises:
            Refused: A parameter is wrong, or of a kind that this server doesn't have.
        """
        for name in _UNSUPPORTED:
            if query.get(name, "false").lower() != "false":
                raise not_implemented(name)
        prefix = query.get("prefix", "").encode()
        token = _position(query.get("pageToken", ""))
        ends = (query.get("endOffset", "").encode() or None, end_of(prefix))
        most = number(query, "maxResults")
        if most == 0:
            raise invalid("Invalid value for maxResults: 0")
        return cls(
            prefix,
            query.get("delimiter", "").encode(),
            max(prefix, query.get("startOffset", "").encode(), token),
            min((end for end in ends if end is not None), default=None),
            min(most or MOST, MOST),
        )

    def group(self, name: bytes) -> bytes | None:
        """The prefix that stands for an object; None if the object itself is listed."""
        if not self.delimiter:
            return None
        at = name.find(self.delimiter, len(self.prefix))
        return None if at < 0 else name[: at + len(self.delimiter)]


@dataclass(slots=True)
class Page(Generic[Item]):
    """A page: objects and prefixes, each by name.

    Attributes:
        next_token: The token of the next page; an empty string at the end.
    """

    items: list[Item] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_token: str = ""


def page(wanted: Wanted, scan: Scan[Item]) -> Page[Item]:
    """Collect a page. Behind the first object of a prefix the scan goes on after the prefix."""
    found: Page[Item] = Page()
    start: bytes | None = wanted.start
    while start is not None and (wanted.end is None or start < wanted.end):
        start = _collect(wanted, scan(start, wanted.end), found)
    return found


def _collect(
    wanted: Wanted, objects: Iterator[tuple[bytes, Item]], found: Page[Item]
) -> bytes | None:
    """Collect objects and at most one prefix; return where to go on, or None at the end."""
    for name, item in objects:
        if len(found.items) + len(found.prefixes) == wanted.most:
            found.next_token = base64.urlsafe_b64encode(name).decode()
            return None
        group = wanted.group(name)
        if group is not None:
            found.prefixes.append(group.decode())
            return end_of(group)
        found.items.append(item)
    return None


def _position(token: str) -> bytes:
    try:
        return base64.b64decode(token, b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"Invalid page token: {token}") from None
