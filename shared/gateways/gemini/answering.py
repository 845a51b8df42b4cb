"""The port of answers over google-genai: one ``generateContent`` with the File Search tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.domain.ask.reply import Passage, Reply, Support, Tokens
from shared.domain.errors import BadRequest
from shared.gateways.gemini import messages
from shared.gateways.gemini.connection import GeminiConnection
from shared.gateways.gemini.errors import Effect
from shared.gateways.ports import Inquiry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.genai import types

FINISHED = "STOP"
"""The finish reason of a complete text."""


class GeminiAnswers(GeminiConnection):
    """``Answers`` over google-genai. Safe to use from several threads.

    A 5xx or a lost reply is ``OutcomeUnknown``: the answer may have been made, and charged.
    """

    def ask(self, inquiry: Inquiry) -> Reply:
        """Ask once; the model has no other tool than the search."""
        if not messages.STORE.fullmatch(inquiry.store):
            raise BadRequest("gemini.ask", status="INVALID_NAME", detail=repr(inquiry.store[:100]))
        config: types.GenerateContentConfigDict = {
            "system_instruction": inquiry.instruction,
            "max_output_tokens": inquiry.max_output_tokens,
            "automatic_function_calling": {"disable": True},
            "tools": [
                {
                    "file_search": {
                        "file_search_store_names": [inquiry.store],
                        "metadata_filter": inquiry.metadata_filter,
                        "top_k": inquiry.passages,
                    }
                }
            ],
        }
        client = self.client()
        with self.call("ask", Effect.ONCE):
            reply = client.models.generate_content(
                model=inquiry.model, contents=inquiry.question, config=config
            )
            return _reply(reply)


def _reply(reply: types.GenerateContentResponse) -> Reply:
    if not reply.candidates:
        blocked = reply.prompt_feedback and reply.prompt_feedback.block_reason
        return Reply("", (), (), _tokens(reply), blocked.value if blocked else "NO_CANDIDATES")
    candidate = reply.candidates[0]
    parts = candidate.content.parts if candidate.content and candidate.content.parts else []
    texts = ["" if part.thought else part.text or "" for part in parts]
    grounding = candidate.grounding_metadata
    finish = candidate.finish_reason.value if candidate.finish_reason else FINISHED
    return Reply(
        text="".join(texts),
        passages=tuple(map(_passage, grounding.grounding_chunks or ())) if grounding else (),
        supports=_supports(grounding.grounding_supports or (), texts) if grounding else (),
        tokens=_tokens(reply),
        stopped="" if finish == FINISHED else finish,
    )


def _passage(chunk: types.GroundingChunk) -> Passage:
    found = chunk.retrieved_context
    if found is None:  # of another tool, which the model doesn't have
        return Passage("")
    entries = found.custom_metadata or ()
    return Passage(
        title=found.title or "",
        text=found.text or "",
        page=found.page_number,
        media=found.media_id,
        metadata={entry.key: messages.value(entry) for entry in entries if entry.key},
    )


def _supports(found: Sequence[types.GroundingSupport], texts: Sequence[str]) -> tuple[Support, ...]:
    """The supports, with the end of each part in the whole text; the service counts by part."""
    sizes = [len(text.encode()) for text in texts]
    supports = []
    for support in found:
        segment = support.segment
        part = (segment.part_index if segment else None) or 0
        end = segment.end_index if segment else None
        before = sum(sizes[:part])
        supports.append(
            Support(
                end=sum(sizes) if end is None else before + end,
                passages=tuple(support.grounding_chunk_indices or ()),
            )
        )
    return tuple(supports)


def _tokens(reply: types.GenerateContentResponse) -> Tokens | None:
    usage = reply.usage_metadata
    if usage is None:
        return None
    return Tokens(
        input=(usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
        output=(usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
    )
