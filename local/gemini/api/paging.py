"""Pages of a listing and the tokens that lead from one to the next."""

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
    """Make the token of the page behind a record."""
    return base64.urlsafe_b64encode(f"after:{sequence}".encode()).decode()


def position(page_token: str) -> int:
    """Return the sequence number a token stands for, 0 for an empty token.

    Raises:
        ApiError: 400, no such token was given out.
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
    """Return one page, oldest first, and the token of the next, "" after the last.

    Raises:
        ApiError: 400, the page size is no number from 0 to `maximum`, or the token is unknown.
    """
    raw_size = query.get("pageSize") or query.get("page_size") or "0"
    if not raw_size.isdecimal() or int(raw_size) > maximum:
        raise invalid_argument(f"pageSize must be from 1 to {maximum}, not {raw_size[:20]}.")
    size = int(raw_size) or min(DEFAULT_SIZE, maximum)
    after = position(query.get("pageToken") or query.get("page_token") or "")
    rows = list(islice(table.page(parent, after=after), size + 1))
    records = [record for _, record in rows[:size]]
    return records, token(rows[size - 1][0]) if len(rows) > size else ""
