"""Asks the questions of ``samples/questions.json``, with Google's own client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.packaging import ROOT
from local.rehearsal.library.comparison import store_of
from local.rehearsal.library.deployed import Deployed
from local.rehearsal.questions import Question
from local.rehearsal.step import Findings
from shared.domain.ask.answer import INSTRUCTION
from shared.domain.ask.metadata_filter import MetadataFilter
from shared.domain.estimate.prices import load_prices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google import genai
    from google.genai import types

QUESTIONS = ROOT / "samples" / "questions.json"


def ask(deployed: Deployed, findings: Findings) -> None:
    """Ask as the ask function does, and check that each answer is supported by the right file."""
    store, model = store_of(deployed), load_prices().answers.price_of("").model
    found = supported = 0
    with deployed.gemini() as client:
        for each in json.loads(QUESTIONS.read_text(encoding="utf-8"))["questions"]:
            answer = _asked(client, model, store, deployed.owner, each["question"])
            cited, wanted = supporting_paths(answer), set(each["sources"])
            findings.say(f"asked     {each['question']}\nanswer    {(answer.text or '').strip()}")
            said = f"but {sorted(cited)}" if not wanted <= cited or (cited and not wanted) else ""
            expected = " and ".join(sorted(wanted)) or "nothing"
            findings.check(f"{each['question']} is supported by {expected}", not said, said)
            found += bool(wanted)
            supported += bool(wanted and cited)
    findings.answer(
        Question.SUPPORTS,
        f"{supported} of {found} answers that documents have named passages that support them.",
    )


def _asked(
    client: genai.Client, model: str, store: str, owner: str, question: str
) -> types.GenerateContentResponse:
    from google.genai import types  # noqa: PLC0415 - its import takes half a second

    search = types.FileSearch(
        file_search_store_names=[store], metadata_filter=MetadataFilter().of_owner(owner)
    )
    config = types.GenerateContentConfig(
        system_instruction=INSTRUCTION, tools=[types.Tool(file_search=search)]
    )
    return client.models.generate_content(model=model, contents=question, config=config)


def supporting_paths(answer: types.GenerateContentResponse) -> set[str]:
    """Return the paths of the documents that support a part of the answer, by their metadata."""
    return set(_supporting_paths(answer))


def _supporting_paths(answer: types.GenerateContentResponse) -> Iterator[str]:
    for candidate in answer.candidates or ():
        grounding = candidate.grounding_metadata
        chunks: list[Any] = (grounding and grounding.grounding_chunks) or []
        for support in (grounding and grounding.grounding_supports) or ():
            for index in support.grounding_chunk_indices or ():
                context = chunks[index].retrieved_context if index < len(chunks) else None
                for entry in (context and context.custom_metadata) or ():
                    if entry.key == "path" and entry.string_value:
                        yield entry.string_value
