"""What Google's documentation leaves open, and the rehearsal can find out."""

from __future__ import annotations

from enum import Enum


class Question(Enum):
    """A question about the services; its value is its name in the record."""

    DOCUMENT_METADATA = "document_metadata"
    TAKEN_NAME = "taken_name"
    SIZE_BYTES = "size_bytes"
    QUOTA_KINDS = "quota_kinds"
    SUPPORTS = "supports"
    OAUTH_TOKEN = "oauth_token"  # noqa: S105 - the name of a question
    NUMBERED_AUDIENCE = "numbered_audience"

    @property
    def asks(self) -> str:
        """The question."""
        return _QUESTIONS[self][0]

    @property
    def matters(self) -> str:
        """What depends on the answer."""
        return _QUESTIONS[self][1]


_QUESTIONS = {
    Question.DOCUMENT_METADATA: (
        "Does documents.get return a document's metadata?",
        "If so, one document can be checked without listing the store.",
    ),
    Question.TAKEN_NAME: (
        "What does an upload under a name that is taken answer, and when?",
        "An upload whose reply was lost is found by its name.",
    ),
    Question.SIZE_BYTES: (
        "Does sizeBytes count the input, or about three times as much, as the limit does?",
        "It decides how full a store is.",
    ),
    Question.QUOTA_KINDS: (
        "Which quotas do 429s name?",
        "It decides whether a wait lasts seconds or until the next day.",
    ),
    Question.SUPPORTS: (
        "Does an answer name the passages that support it?",
        "An answer without any is told as one that nothing supports.",
    ),
    Question.OAUTH_TOKEN: (
        "Does the API take the OAuth token of a function's own account, so that no key is needed?",
        "A deployment without a key has nothing to rotate and nothing to leak.",
    ),
    Question.NUMBERED_AUDIENCE: (
        "Is a function's address with the project's number accepted as a token's audience?",
        "The queues and Scheduler make their tokens for this address, known before it exists.",
    ),
}
