"""An answer, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from local.printable import printable, printable_lines
from shared.domain.ask.plain_text import value_text
from shared.domain.figures import amount

WIDTH: Final = 100
MOST_LINES: Final = 6
"""Lines of a passage that are shown; ``--json`` has all."""


def answer_text(told: Mapping[str, Any]) -> str:
    """Return the answer, its sources, and what it cost."""
    lines = [printable_lines(told["answer"])]
    if told["stopped"]:
        lines.append(printable(f"(The answer ends early: {told['stopped']}.)"))
    for source in told["sources"]:
        lines += ["", *_source(source)]
    as_of = told["store_as_of"]
    known = told["cost"]
    cost = "Its cost is not known" if known is None else f"{amount(known)} {told['currency']}"
    return "\n".join(
        [*lines, "", printable(f"Store as of {_time(as_of)}. {cost}, {told['model']}.")]
    )


def _source(source: Mapping[str, Any]) -> Iterator[str]:
    page = f", page {source['page']}" if source["page"] else ""
    yield printable(f"[{source['number']}] {source['path']}{page}")
    generation = f"#{source['generation']}" if source["generation"] else ""
    yield printable(f"    {source['uri']}{generation}")
    metadata = ", ".join(f"{key}: {value_text(value)}" for key, value in source["metadata"].items())
    if metadata:
        yield printable(f"    {metadata}")
    passage = " ".join(source["passage"].split()) or ("(a picture)" if source["picture"] else "")
    indent = "    | "
    yield from textwrap.wrap(
        printable(passage),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        max_lines=MOST_LINES,
        placeholder=" ...",
    )


def _time(moment: str | None) -> str:
    if moment is None:
        return "an unknown time: no sync of the whole bucket was completed"
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"
