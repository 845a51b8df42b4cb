"""The conditions that a call sets on the version of an object or a bucket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from local.cloud_storage.refusals import Refused, invalid

Version = tuple[int, int]
"""Generation and metageneration."""

ABSENT: Version = (0, 0)
"""What counts as the version of an object that doesn't exist."""

_NUMBER = re.compile(r"\d{1,19}", re.ASCII)  # int64

_PARAMETERS = (
    ("GenerationMatch", 0, True),
    ("GenerationNotMatch", 0, False),
    ("MetagenerationMatch", 1, True),
    ("MetagenerationNotMatch", 1, False),
)


def check(
    query: Mapping[str, str], version: Version, *, reading: bool = False, source: bool = False
) -> None:
    """Check all conditions of a call.

    Args:
        query: The call's parameters.
        version: The live version, or ``ABSENT``.
        reading: Whether the call only reads.
        source: Whether to check the conditions on the source of a copy.

    Raises:
        Refused: 412, or for a read of a version that was to be another one 304; 400 if a condition
            isn't a number.
    """
    # Uploads by the Python client spell one of them ifMetaGenerationNotMatch.
    given = {name.lower(): value for name, value in query.items()}
    for condition, part, must_match in _PARAMETERS:
        wanted = number(given, f"if{'Source' if source else ''}{condition}".lower())
        if wanted is None or (version[part] == wanted) is must_match:
            continue
        if reading and not must_match:
            raise Refused(HTTPStatus.NOT_MODIFIED, "notModified", "Not Modified")
        raise Refused(
            HTTPStatus.PRECONDITION_FAILED,
            "conditionNotMet",
            "At least one of the pre-conditions you specified did not hold.",
        )


def number(query: Mapping[str, str], name: str) -> int | None:
    """A parameter that is a number; None without it.

    Raises:
        Refused: It is something else.
    """
    text = query.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise invalid(f"Invalid value for {name}: {text!r}")
    return int(text)
