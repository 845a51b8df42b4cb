"""Answers generateContent with passages of the stores that share words with the question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from local.gemini.clock import Clock
from local.gemini.resources.documents import Document, Documents, DocumentState
from local.gemini.resources.storage import Contents
from local.gemini.resources.stores import Stores
from local.gemini.wire.errors import invalid_argument
from local.gemini.wire.messages import JsonObject, without_defaults
from local.gemini.wire.metadata_filter import parse_filter

MAX_STORES = 5
DEFAULT_TOP_K = 5
MAX_TOP_K = 100
PASSAGE_WORDS = 120
SHORTEST_TERM = 3

_WORD = re.compile(r"\w+")
_STOP_WORDS = frozenset(
    word
    for line in (
        "about and are can does for from has have how into its our that the their there",
        "these this those was were what when where which who why will with you your",
    )
    for word in line.split()
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document, and its score: how many terms it has, then how many occurrences."""

    document: Document
    text: str
    score: tuple[int, int]

    def to_json(self) -> JsonObject:
        """Return the grounding chunk in the API's format."""
        return {
            "retrievedContext": without_defaults(
                {
                    "title": self.document.display_name,
                    "text": self.text,
                    "fileSearchStore": self.document.store,
                    "customMetadata": self.document.metadata,
                }
            )
        }


class Answers:
    """Answers questions by keyword search: enough to check that a document is found."""

    def __init__(
        self, stores: Stores, documents: Documents, contents: Contents, clock: Clock
    ) -> None:
        self._stores = stores
        self._documents = documents
        self._contents = contents
        self._clock = clock

    def generate(self, model: str, request: JsonObject) -> JsonObject:
        """Answer a generateContent request that has a fileSearch tool.

        Raises:
            ApiError: 400 for no question, no fileSearch tool, more than five stores or an invalid
                filter; 403 if a store does not exist.
        """
        question = _question(request)
        terms = _terms(question)
        tool = _file_search(request)
        passages = [p for p in self._passages(tool, terms) if p.score[0]]
        passages.sort(key=lambda passage: passage.score, reverse=True)
        top_k = tool.get("topK") or DEFAULT_TOP_K
        if not isinstance(top_k, int) or not 0 < top_k <= MAX_TOP_K:
            raise invalid_argument(f"topK must be from 1 to {MAX_TOP_K}.")
        best = passages[:top_k]
        text = best[0].text if best else "No document in the stores answers this."
        candidate: JsonObject = {
            "content": {"role": "model", "parts": [{"text": text}]},
            "finishReason": "STOP",
            "index": 0,
        }
        if best:
            candidate["groundingMetadata"] = {
                "groundingChunks": [passage.to_json() for passage in best],
                "groundingSupports": [
                    {
                        "segment": {"endIndex": len(text.encode()), "text": text},
                        "groundingChunkIndices": [0],
                    }
                ],
            }
        tokens = {"promptTokenCount": len(question.split()), "candidatesTokenCount": len(terms)}
        return {
            "candidates": [candidate],
            "usageMetadata": {**tokens, "totalTokenCount": sum(tokens.values())},
            "modelVersion": model.removeprefix("models/"),
        }

    def _passages(self, tool: JsonObject, terms: frozenset[str]) -> Iterator[Passage]:
        names = tool.get("fileSearchStoreNames")
        if not isinstance(names, list) or not 1 <= len(names) <= MAX_STORES:
            raise invalid_argument(f"fileSearch needs 1 to {MAX_STORES} fileSearchStoreNames.")
        wanted = parse_filter(str(tool.get("metadataFilter") or ""))
        now = self._clock.now()
        for store in [self._stores.get(str(name)) for name in names]:
            for document in self._documents.table.of(store.name):
                if document.state(now) is DocumentState.ACTIVE and wanted(document.metadata):
                    yield from self._matches(document, terms)

    def _matches(self, document: Document, terms: frozenset[str]) -> Iterator[Passage]:
        content = self._contents.read(document.name)
        if b"\0" in content:
            return
        words = content.decode(errors="ignore").split()
        for start in range(0, len(words), PASSAGE_WORDS):
            text = " ".join(words[start : start + PASSAGE_WORDS])
            hits = [word for word in _WORD.findall(text.casefold()) if word in terms]
            yield Passage(document, text, (len(set(hits)), len(hits)))


def _question(request: JsonObject) -> str:
    for turn in reversed(_objects(request.get("contents"))):
        if turn.get("role", "user") == "user":
            return " ".join(str(part.get("text", "")) for part in _objects(turn.get("parts")))
    raise invalid_argument("contents has no user turn.")


def _file_search(request: JsonObject) -> JsonObject:
    for tool in _objects(request.get("tools")):
        for search in _objects([tool.get("fileSearch")]):
            return search
    raise invalid_argument("The simulator answers only requests with a fileSearch tool.")


def _objects(value: object) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _terms(question: str) -> frozenset[str]:
    words = _WORD.findall(question.casefold())
    return frozenset(w for w in words if len(w) >= SHORTEST_TERM and w not in _STOP_WORDS)
