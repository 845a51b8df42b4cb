"""Checks and creates resource ids."""

from __future__ import annotations

import re
import secrets
import string

from local.gemini.wire.errors import invalid_argument

MAX_ID_LENGTH = 40
MAX_DISPLAY_NAME = 512
RANDOM_LENGTH = 12

_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_ALPHABET = string.ascii_lowercase + string.digits


def check_id(resource_id: str, kind: str) -> str:
    """Return `resource_id` if it has the documented form.

    Raises:
        ApiError: 400 if it is not 1 to 40 of [a-z0-9-], or begins or ends with a dash.
    """
    if not _ID.fullmatch(resource_id):
        raise invalid_argument(
            f"* Get{kind}Request.name: {kind} ids are 1 to {MAX_ID_LENGTH} lowercase alphanumeric "
            f"characters or dashes, with no dash at either end: {resource_id[:100]!r}"
        )
    return resource_id


def check_display_name(display_name: object) -> str:
    """Return the display name, or "" if there is none.

    Raises:
        ApiError: 400 if it is not a string or has more than 512 characters.
    """
    if display_name is None:
        return ""
    if not isinstance(display_name, str) or len(display_name) > MAX_DISPLAY_NAME:
        raise invalid_argument(
            f"displayName must be a string of at most {MAX_DISPLAY_NAME} characters."
        )
    return display_name


def new_id(stem: str = "") -> str:
    """Return a new id: as much of `stem` as fits, then 12 random characters.

    Ids do not depend on the seed: a server that continues from a saved state must not give a new
    document the id of a deleted one.
    """
    tail = "".join(secrets.choice(_ALPHABET) for _ in range(RANDOM_LENGTH))
    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-")
    slug = slug[: MAX_ID_LENGTH - RANDOM_LENGTH - 1].rstrip("-")
    return f"{slug}-{tail}" if slug else tail
