"""What a reason to skip may cost: never a document by itself.

A document goes when its content is gone from the bucket, or when the deployment's own settings
exclude it. What can't be read keeps what the store holds of it. A rule of ours (a built-in rule, or
a new version of the code) that stops wanting a document whose content is unchanged asks first: the
document stays until a sync allows its removal.
"""

from __future__ import annotations

from shared.domain.file.record import FileRecord
from shared.domain.source.eligibility import SkipReason

NO_RULES_OF_OURS = (SkipReason.EXCLUDED, SkipReason.EMPTY, SkipReason.UNREADABLE)
"""Reasons that are the deployment's own settings, or the object itself."""


def keeps_documents(record: FileRecord) -> bool:
    """Whether the file, which is not to be indexed now, keeps its documents in the store."""
    return record.skip_reason == SkipReason.UNREADABLE or is_to_be_asked(record)


def is_to_be_asked(record: FileRecord) -> bool:
    """Whether a rule of ours skips a file whose indexed content the bucket still has.

    Documents in a store that is being replaced may have that content: nothing says so.
    """
    current, desired = record.current, record.desired
    if desired is None or desired.skip_reason in (None, *NO_RULES_OF_OURS):
        return False
    if current is None:
        return bool(record.retired_documents)
    return (current.content_hash, current.size) == (desired.content_hash, desired.size)
