"""Asks a question that a file of the library answers, with Google's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.rehearsal.library.comparison import store_of
from local.rehearsal.library.deployed import Deployed
from local.rehearsal.step import Findings

if TYPE_CHECKING:
    from google.genai import types

MODEL = "gemini-flash-latest"
"""An alias of the newest model of this kind: a numbered one is shut down about a year later."""
ASKED = "How long did the tablet in the cold glass of harbour water fizz until it was clear?"
ANSWERED_BY = "natural-science/chemistry/2025/week-7 Kinetics.md"
ANSWER = "212"
"""Seconds, as the file says."""


def ask(deployed: Deployed, findings: Findings) -> None:
    """Ask, and check that the answer cites the file that has it."""
    from google.genai import types  # noqa: PLC0415 - its import takes half a second

    tool = types.Tool(file_search=types.FileSearch(file_search_store_names=[store_of(deployed)]))
    with deployed.gemini() as client:
        answer = client.models.generate_content(
            model=MODEL, contents=ASKED, config=types.GenerateContentConfig(tools=[tool])
        )
    cited = sorted(cited_paths(answer))
    findings.say(f"asked     {ASKED}\nanswer    {(answer.text or '').strip()}")
    cites = ANSWERED_BY in cited
    findings.check(f"it cites {ANSWERED_BY}", cites, "" if cites else f"but {cited}")
    findings.check(f"the answer has the figure {ANSWER}", ANSWER in (answer.text or ""))


def cited_paths(answer: types.GenerateContentResponse) -> set[str]:
    """Return the paths of the cited documents, as their metadata names them."""
    found = set()
    for candidate in answer.candidates or ():
        grounding = candidate.grounding_metadata
        for chunk in (grounding and grounding.grounding_chunks) or ():
            for entry in (
                chunk.retrieved_context and chunk.retrieved_context.custom_metadata
            ) or ():
                if entry.key == "path" and entry.string_value:
                    found.add(entry.string_value)
    return found
