"""Splits a sorted list into pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from heapq import nsmallest

from local.cloud_tasks.wire.errors import invalid


def page(names: Iterable[str], *, size: int, largest: int, token: str) -> tuple[list[str], str]:
    """Return one page of names, sorted, and the token of the next page; empty at the end.

    A token holds the last name of a page, so names that are added or deleted between two requests
    do not shift the pages.

    Args:
        names: The names, in any order.
        size: The requested size; 0 or more than `largest` means `largest`.
        largest: The maximum size of a page.
        token: The token of this page; empty for the first page.

    Raises:
        Refused: INVALID_ARGUMENT for a negative size, or a token not made by this server.
    """
    if size < 0:
        raise invalid("page_size must be 0 or more.")
    size = min(size or largest, largest)
    if token:
        after = _decoded(token)
        names = (name for name in names if name > after)
    found = nsmallest(size + 1, names)
    more = len(found) > size
    found = found[:size]
    return found, base64.urlsafe_b64encode(found[-1].encode()).decode() if more else ""


def _decoded(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise invalid("page_token was not made by this server.") from error
