"""Which commit was applied last, and whether another one follows it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from steps.google_api import Google, Refused

RECORD = "applied.json"
"""Name of the record in the bucket of the plans. Earlier records are its noncurrent versions."""

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Applied:
    """The record of the last apply that began.

    Attributes:
        commit: None before the first apply.
        generation: That of the record; 0 before the first apply.
    """

    commit: str | None
    generation: int


def last_applied(google: Google, bucket: str) -> Applied:
    """Read the record.

    Raises:
        Refused: It can't be read, or names no commit.
    """
    stored = google.read(bucket, RECORD)
    if stored is None:
        return Applied(None, 0)
    try:
        commit = json.loads(stored.content)["commit"]
    except (ValueError, TypeError, KeyError):
        commit = ""
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise Refused(f"gs://{bucket}/{RECORD} names no commit: restore an earlier version of it")
    return Applied(commit, stored.generation)


def record_apply(google: Google, bucket: str, plan: dict[str, str], replacing: int) -> None:
    """Write that the apply of `plan` begins, in place of the record that was checked.

    Raises:
        Refused: Another apply began meanwhile.
    """
    google.write(bucket, RECORD, json.dumps(plan, indent=2).encode(), replacing)


def refuse_older(commit: str, ancestors: Sequence[str], applied: Applied) -> None:
    """Let through only a commit that contains what was applied last.

    Args:
        commit: The commit to apply.
        ancestors: The commit itself and all commits before it.
        applied: The record of the last apply.

    Raises:
        Refused: The last applied commit is not one of the ancestors.
    """
    if applied.commit is not None and applied.commit not in ancestors:
        raise Refused(
            f"{commit} doesn't contain {applied.commit}, which was applied last: merge that first. "
            "To go back, revert on the branch."
        )
