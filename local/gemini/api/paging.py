"""Splits listings into pages and makes the page tokens."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from itertools import islice

from local.gemini.resources.storage import R, Table
from local.gemini.wire.errors import invalid_argument

DEFAULT_SIZE = 10
MAX_SIZE = 20
MAX_FILES = 100


def token(sequence: int) -> str:
    """Return the token of the page after a record."""
    return base64.urlsafe_b64encode(f"after:{sequence}".encode()).decode()


def position(page_token: str) -> int:
    """Return the sequence number in a token; 0 for an empty token.

    Raises:
        ApiError: 400 for an invalid token.
    """
    if not page_token:
        return 0
    try:
        text = base64.urlsafe_b64decode(page_token.encode()).decode()
        return int(text.removeprefix("after:"))
    except (binascii.Error, ValueError) as error:
        raise invalid_argument("Invalid page token.") from error


def page(
    table: Table[R], parent: str, query: Mapping[str, str], *, maximum: int = MAX_SIZE
) -> tuple[list[R], str]:
    """Return one page, oldest first, and the token of the next page; "" after the last page.

    Raises:
        ApiError: 400 if the page size is not from 0 to `maximum`, or the token is invalid.
    """
    raw_size = query.get("pageSize") or query.get("page_size") or "0"
    if not raw_size.isdecimal() or int(raw_size) > maximum:
        raise invalid_argument(f"pageSize must be from 1 to {maximum}, not {raw_size[:20]}.")
    size = int(raw_size) or min(DEFAULT_SIZE, maximum)
    after = position(query.get("pageToken") or query.get("page_token") or "")
    rows = list(islice(table.page(parent, after=after), size + 1))
    records = [record for _, record in rows[:size]]
    return records, token(rows[size - 1][0]) if len(rows) > size else ""
