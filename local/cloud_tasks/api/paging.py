"""Pages of a sorted list."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from heapq import nsmallest

from local.cloud_tasks.wire.errors import invalid


def page(names: Iterable[str], *, size: int, largest: int, token: str) -> tuple[list[str], str]:
    """One page of names, in their order, and the token of the next page; empty at the end.

    A token says after which name to go on, so names that come and go between two pages shift
    nothing.

    Args:
        names: In any order.
        size: As asked for; 0 or more than `largest` means `largest`.
        largest: The most a page holds.
        token: Of this page; empty for the first one.

    Raises:
        Refused: INVALID_ARGUMENT, for a negative size or a token not made here.
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
