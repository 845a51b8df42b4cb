"""What the model replied to a question, as far as an answer is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document that the search found.

    Attributes:
        title: The document's title: for an imported file the id of its raw file.
        text: The passage; empty for a picture.
        page: Number of the page, from 1; None in formats without pages.
        media: Resource name of the picture; None if it is none.
        metadata: The document's metadata; empty where the service doesn't tell them.
    """

    title: str
    text: str = ""
    page: int | None = None
    media: str | None = None
    metadata: Mapping[str, str | float | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Support:
    """A part of the reply's text that passages support.

    Attributes:
        end: Where the part ends in the reply's text, in bytes of UTF-8.
        passages: Indices of the passages.
    """

    end: int
    passages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens that are charged: those of input include the passages, those of output thoughts."""

    input: int
    output: int


@dataclass(frozen=True, slots=True)
class Reply:
    """The model's reply.

    Attributes:
        text: What it says; empty if it was stopped before it said anything.
        passages: What the search found, whether it supports anything or not.
        supports: Which parts of the text are supported.
        tokens: What is charged; None if the service does not tell.
        stopped: Why the text ends early, in the service's word (``MAX_TOKENS``, ``SAFETY``); empty
            if it is complete.
    """

    text: str
    passages: tuple[Passage, ...]
    supports: tuple[Support, ...]
    tokens: Tokens | None
    stopped: str = ""
