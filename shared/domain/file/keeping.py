"""What a reason to skip may cost: never a document by itself.

A document goes when its content is gone from the bucket, or when the deployment's own settings
exclude it. What can't be read keeps what the store holds of it. A rule of ours (a built-in rule, or
a new version of the code) that stops wanting a document whose content is unchanged asks first: the
document stays until a sync allows its removal.
"""

from __future__ import annotations

from shared.domain.file.record import FileRecord
from shared.domain.source.eligibility import SkipReason

OF_SETTINGS = (SkipReason.EXCLUDED,)
"""Reasons that the deployment's own settings give: they remove documents as a deletion does."""


def keeps_documents(record: FileRecord) -> bool:
    """Whether the file, which is not to be indexed now, keeps its documents in the store."""
    return record.skip_reason == SkipReason.UNREADABLE or is_to_be_asked(record)


def is_to_be_asked(record: FileRecord) -> bool:
    """Whether a rule of ours skips a file whose indexed content the bucket still has."""
    current, desired = record.current, record.desired
    if current is None or desired is None or desired.skip_reason is None:
        return False
    if desired.skip_reason in (*OF_SETTINGS, SkipReason.UNREADABLE):
        return False
    return (current.content_hash, current.size) == (desired.content_hash, desired.size)
