"""Page tokens: where a list goes on. A token fits the list that it was made for, and no other."""

from __future__ import annotations

import base64
import re

from shared.domain.errors import InvalidRequest
from shared.domain.ids import digest

_CHECK = 16
"""Characters of a token's check, which tells the list; not a secret."""

_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def page_token(last: str, *listing: object) -> str:
    """The token for the page after the item with the id ``last`` of the list ``listing``."""
    check = digest("page token", last, *listing)[:_CHECK]
    return base64.urlsafe_b64encode(f"{check}{last}".encode()).decode().rstrip("=")


def last_item(token: str, *listing: object) -> str:
    """The id that ``token`` was made with; empty for an empty token, the first page's.

    Raises:
        InvalidRequest: The token was not made for the list ``listing``.
    """
    if not token:
        return ""
    try:
        padded = token + "=" * (-len(token) % 4)
        last = base64.urlsafe_b64decode(padded).decode()[_CHECK:]
    except ValueError:
        last = ""
    if not _ID.fullmatch(last) or page_token(last, *listing) != token:
        raise InvalidRequest("page_token is not one of this list: list again without it")
    return last
