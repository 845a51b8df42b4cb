"""The box on the page that asks the store: a form, and below it the latest answer.

All that an answer holds is put into the page as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.domain.ask.metadata_filter import MAX_LENGTH
from shared.domain.ask.plain_text import value_text
from shared.domain.ask.request import MAX_QUESTION
from shared.page import words

PATH: Final = "/ask"
MAX_FORM: Final = 65_536
"""Most bytes of a form that is sent. A question and a filter, of 3,000 characters together, are
36,000 bytes, as each byte of a character is written as three."""

Ask = Callable[[Mapping[str, str]], Mapping[str, Any]]
"""Asks the deployment, and returns its answer. Raises ``NotAnswered``."""

_PLACE: Final = b'<div id="ask"></div>'
"""Where the page gets the box."""

_MOST: Final = {"question": MAX_QUESTION, "filter": MAX_LENGTH}

_FILTERS: Final = (words.lines, words.moment, words.money, words.name, words.plain, value_text)
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {each.__name__: each for each in _FILTERS}
_TEMPLATE: Final = _ENVIRONMENT.get_template("ask_box.html")


class NotAnswered(Exception):
    """The deployment gives no answer to a question; the message says why."""


def with_box(page: bytes, **shown: Any) -> bytes:  # noqa: ANN401 - what the template shows
    """The page with the box; a page without a place for it stays as it is."""
    empty = {"given": {"question": "", "filter": ""}, "told": None, "problem": ""}
    box = _TEMPLATE.render({"path": PATH, "most": _MOST, **empty, **shown})
    return page.replace(_PLACE, box.encode(), 1)


def answered(form: bytes, ask: Ask, page: bytes) -> bytes:
    """The page with the answer to the question that a form holds."""
    fields = parse_qs(form.decode(errors="replace"))
    given = {name: fields.get(name, [""])[-1].strip() for name in ("question", "filter")}
    try:
        told = ask({name: value for name, value in given.items() if value})
    except NotAnswered as failure:
        return with_box(page, given=given, problem=str(failure))
    return with_box(page, given=given, told=told)
