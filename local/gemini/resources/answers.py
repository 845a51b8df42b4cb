"""Answers generateContent with passages of the stores that share words with the question.

The reply has the structure of the real one: the passages that were retrieved, and which of them
support which part of the text. Passages that share only a few words are retrieved, and support
nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from local.gemini.clock import Clock
from local.gemini.resources.document_text import pages_of
from local.gemini.resources.documents import Document, Documents, DocumentState
from local.gemini.resources.ranking import Rank, Ranking, supports, terms
from local.gemini.resources.storage import Contents
from local.gemini.resources.stores import Stores
from local.gemini.wire.errors import check_fields, invalid_argument, not_found
from local.gemini.wire.messages import JsonObject, without_defaults
from local.gemini.wire.metadata_filter import parse_filter

MAX_STORES = 5
DEFAULT_TOP_K = 5
MAX_TOP_K = 100
MAX_QUOTED = 3
PASSAGE_WORDS = 120
CHARACTERS_PER_TOKEN = 4
NOTHING_FOUND = "No document in the stores answers this."

_MODEL = re.compile(r"models/gemini-[a-z0-9.-]+")
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?\u3002\uff01\uff1f](?=\s|$|[\u3040-\u9fff])|(?=\n)|$)")
_WORD = re.compile(r"\S+")
_KNOWN = (
    "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passage:
    """A part of a document, with the stems of its words; `page` counts from 1."""

    document: Document
    text: str
    terms: tuple[str, ...]
    page: int | None

    def to_json(self, *, bare: bool) -> JsonObject:
        """Return the grounding chunk in the API's format; `bare` leaves the metadata out."""
        document = self.document
        is_picture = document.mime_type.startswith("image/")
        return {
            "retrievedContext": without_defaults(
                {
                    "title": document.display_name,
                    "text": self.text,
                    "fileSearchStore": document.store,
                    "customMetadata": None if bare else document.metadata,
                    "pageNumber": self.page,
                    "mediaId": f"{document.store}/media/{document.id}" if is_picture else None,
                }
            )
        }


class Answers:
    """Answers questions by keyword search: enough to check that a document is found."""

    def __init__(
        self,
        stores: Stores,
        documents: Documents,
        contents: Contents,
        clock: Clock,
        *,
        bare_citations: bool = False,
    ) -> None:
        self._stores = stores
        self._documents = documents
        self._contents = contents
        self._clock = clock
        self._bare = bare_citations

    def generate(self, model: str, request: JsonObject) -> JsonObject:
        """Answer a generateContent request that has a fileSearch tool.

        Raises:
            ApiError: 400 for no question, no fileSearch tool, more than five stores or an invalid
                filter; 403 if a store does not exist; 404 for a model of another family.
        """
        check_fields(request, *_KNOWN)
        if not _MODEL.fullmatch(model):
            raise not_found(f"{model} is not found for API version v1beta.")
        question = _question(request)
        tool = _file_search(request)
        top_k = tool.get("topK") or DEFAULT_TOP_K
        if not isinstance(top_k, int) or not 0 < top_k <= MAX_TOP_K:
            raise invalid_argument(f"topK must be from 1 to {MAX_TOP_K}.")
        passages = list(self._passages(tool))
        ranking = Ranking(question, [passage.terms for passage in passages])
        ranked = [(ranking.rank(passage.terms), passage) for passage in passages]
        ranked = [each for each in ranked if each[0].score]
        ranked.sort(key=lambda each: each[0].score, reverse=True)
        return self._reply(model, request, ranked[:top_k], ranking)

    def _reply(
        self,
        model: str,
        request: JsonObject,
        found: Sequence[tuple[Rank, Passage]],
        ranking: Ranking,
    ) -> JsonObject:
        quoted = [
            (index, _best_sentence(passage.text, ranking))
            for index, (rank, passage) in enumerate(found)
            if supports(rank, found[0][0])
        ][:MAX_QUOTED]
        text = "\n".join(sentence for _, sentence in quoted) or NOTHING_FOUND
        most = _max_output_tokens(request) * CHARACTERS_PER_TOKEN
        candidate: JsonObject = {
            "content": {"role": "model", "parts": [{"text": text[:most]}]},
            "finishReason": "STOP" if len(text) <= most else "MAX_TOKENS",
            "index": 0,
        }
        if found:
            candidate["groundingMetadata"] = without_defaults(
                {
                    "groundingChunks": [each.to_json(bare=self._bare) for _, each in found],
                    "groundingSupports": list(_supports(quoted)),
                }
            )
        return {
            "candidates": [candidate],
            "usageMetadata": _usage(request, text[:most], [each.text for _, each in found]),
            "modelVersion": model.removeprefix("models/"),
        }

    def _passages(self, tool: JsonObject) -> Iterator[Passage]:
        names = tool.get("fileSearchStoreNames")
        if not isinstance(names, list) or not 1 <= len(names) <= MAX_STORES:
            raise invalid_argument(f"fileSearch needs 1 to {MAX_STORES} fileSearchStoreNames.")
        wanted = parse_filter(str(tool.get("metadataFilter") or ""))
        now = self._clock.now()
        for store in [self._stores.get(str(name)) for name in names]:
            for document in self._documents.table.of(store.name):
                if document.state(now) is DocumentState.ACTIVE and wanted(document.metadata):
                    yield from self._passages_of(document)

    def _passages_of(self, document: Document) -> Iterator[Passage]:
        content = self._contents.read(document.name)
        for page in pages_of(content, document.mime_type):
            words = list(_WORD.finditer(page.text))
            for start in range(0, len(words), PASSAGE_WORDS):
                last = words[min(start + PASSAGE_WORDS, len(words)) - 1]
                text = page.text[words[start].start() : last.end()]
                yield Passage(document, text, tuple(terms(text)), page.number)


def _best_sentence(text: str, ranking: Ranking) -> str:
    """Return the sentence of a passage that fits the question best, the first of equal ones."""
    sentences = [each[0].strip() for each in _SENTENCE.finditer(text)]
    return max(
        filter(None, sentences), key=lambda each: ranking.rank(terms(each)).score, default=text
    )


def _supports(quoted: Sequence[tuple[int, str]]) -> Iterator[JsonObject]:
    """Yield which chunk supports which part of the text, in bytes."""
    start = 0
    for index, sentence in quoted:
        end = start + len(sentence.encode())
        segment = without_defaults({"startIndex": start, "endIndex": end, "text": sentence})
        yield {"segment": segment, "groundingChunkIndices": [index]}
        start = end + 1


def _usage(request: JsonObject, answer: str, passages: Sequence[str]) -> JsonObject:
    instruction = _objects([request.get("systemInstruction")])
    asked = [_text(turn) for turn in [*instruction, *_objects(request.get("contents"))]]
    counts = {
        "promptTokenCount": sum(map(_tokens, asked)),
        "toolUsePromptTokenCount": sum(map(_tokens, passages)),
        "candidatesTokenCount": _tokens(answer),
    }
    return without_defaults({**counts, "totalTokenCount": sum(counts.values())})


def _tokens(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def _max_output_tokens(request: JsonObject) -> int:
    for config in _objects([request.get("generationConfig")]):
        most = config.get("maxOutputTokens")
        if isinstance(most, int) and most > 0:
            return most
    return 65_536


def _question(request: JsonObject) -> str:
    for turn in reversed(_objects(request.get("contents"))):
        if turn.get("role", "user") == "user":
            return _text(turn)
    raise invalid_argument("contents has no user turn.")


def _text(turn: JsonObject) -> str:
    return " ".join(str(part.get("text", "")) for part in _objects(turn.get("parts")))


def _file_search(request: JsonObject) -> JsonObject:
    for tool in _objects(request.get("tools")):
        for search in _objects([tool.get("fileSearch")]):
            return search
    raise invalid_argument("The simulator answers only requests with a fileSearch tool.")


def _objects(value: object) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
