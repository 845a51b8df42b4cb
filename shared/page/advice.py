"""What a person can do about a file that failed, is skipped or waits, and about a hold."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

from shared.domain.file.record import FailureKind, FileStatus
from shared.domain.source.eligibility import SkipReason
from shared.domain.throttle.holds import HoldReason

W = TypeVar("W", bound=StrEnum)


class Advice(NamedTuple):
    """What a reason means, and what to do."""

    meaning: str
    action: str


SKIPPED = {
    SkipReason.EMPTY: Advice("It has no bytes.", "Nothing, unless it should have content."),
    SkipReason.TOO_LARGE: Advice("It is larger than may be imported.", "Split it."),
    SkipReason.UNSUPPORTED_TYPE: Advice(
        "The store doesn't take files of this type.", "Convert it."
    ),
    SkipReason.BINARY_CONTENT: Advice(
        "Its extension is unknown, and its first bytes are not text.",
        "Give it its extension, or convert it to UTF-8.",
    ),
    SkipReason.EXCLUDED: Advice("INCLUDE or EXCLUDE leave it out.", "Nothing."),
    SkipReason.IGNORED: Advice("Its name is one that is ignored.", "Nothing, or NOT_IGNORED."),
    SkipReason.ODD_NAME: Advice("Its name can't be used.", "Rename it."),
    SkipReason.SIDECAR_WITHOUT_BASE: Advice(
        "It describes a file that doesn't exist.", "Delete it, or restore the file."
    ),
    SkipReason.ENCODED_CONTENT: Advice(
        "Its Content-Encoding is not gzip, or it is corrupt.", "Upload it unpacked or with gzip."
    ),
    SkipReason.CONTRADICTS_NAME: Advice(
        "Its first bytes are of another kind than its name says.",
        "Give it the right extension, or upload the content itself.",
    ),
    SkipReason.PICTURE_IN_TEXT_STORE: Advice(
        "It is a picture, and the store takes text only.",
        "To have pictures searched, fill a new store with EMBEDDING_MODEL=gemini-embedding-2.",
    ),
    SkipReason.TOO_MANY_PIXELS: Advice(
        "It is a picture of more than 4,096 pixels on a side.", "Make it smaller."
    ),
    SkipReason.UNREADABLE: Advice(
        "A read of it is refused.", "Let the dispatcher and the upload function read it."
    ),
}

FAILED = {
    FailureKind.PERMANENT: Advice(
        "The service refuses it as it is.", "Change the file or its metadata, or run fss retry."
    ),
    FailureKind.EXHAUSTED: Advice(
        "All tries failed in ways that might have passed.",
        "Nothing: it is tried again by itself, or at once by fss retry.",
    ),
}

WAITING = {
    FileStatus.PENDING: Advice("It is to be uploaded.", "Nothing: its turn comes by itself."),
    FileStatus.UPLOADING: Advice("It is being uploaded.", "Nothing."),
    FileStatus.UPLOADED: Advice(
        "It is uploaded, and is to be imported.", "Nothing: its turn comes by itself."
    ),
    FileStatus.IMPORTING: Advice("The service is indexing it.", "Nothing."),
    FileStatus.UNCERTAIN: Advice(
        "The reply to its import was lost.",
        "Nothing: the store is searched for it before it is sent again.",
    ),
    FileStatus.REMOVAL_CANDIDATE: Advice(
        "Its object is gone from the bucket.",
        "Nothing: its document goes once the whole bucket was seen, unless a guard refuses.",
    ),
    FileStatus.DELETING: Advice("Its document is being removed.", "Nothing."),
}

HELD = {
    HoldReason.DAY: Advice("Today's quota is used up.", "Wait, or move up a tier."),
    HoldReason.STORAGE: Advice("The store is full.", "Delete documents, or move up a tier."),
    HoldReason.SPEND: Advice(
        "The credits or the spending cap are used up.", "Add credits, or raise the cap."
    ),
    HoldReason.ACCOUNT: Advice(
        "The service refuses the account.", "Repair the key, its project or its permissions."
    ),
    HoldReason.BUDGET: Advice("The budget is used up.", "Wait, or raise MAX_COST_PER_DAY."),
    HoldReason.OTHER_DEPLOYMENT: Advice(
        "Another deployment writes to the store.", "Stop it, then run fss reconcile."
    ),
}

_UNKNOWN = Advice("", "")


def of_file(file: Mapping[str, str]) -> Advice:
    """The advice for a row of a list; empty if there is none."""
    if file["status"] == FileStatus.SKIPPED:
        return _by_word(SKIPPED, file["reason"])
    if file["status"] == FileStatus.FAILED:
        return _by_word(FAILED, file["kind"])
    return _by_word(WAITING, file["status"])


def of_hold(reason: str) -> Advice:
    """The advice for a hold; empty if there is none."""
    return _by_word(HELD, reason)


def _by_word(known: Mapping[W, Advice], word: str) -> Advice:
    return next((advice for key, advice in known.items() if key == word), _UNKNOWN)
