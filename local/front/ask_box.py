"""The box on the page that asks the store: a form, and below it the latest answer.

All that an answer holds is put into the page as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from jinja2 import Environment, StrictUndefined

PATH: Final = "/ask"
MAX_FORM: Final = 16_384
"""Most bytes of a form that is sent."""

Ask = Callable[[Mapping[str, str]], Mapping[str, Any]]
"""Asks the deployment, and returns its answer. Raises ``NotAnswered``."""

_BEFORE: Final = b'<main id="main">'
"""Where the page gets the box; the page's script changes what comes after it only."""

_BOX: Final = """<section class="card ask" aria-label="Ask the store">
<form method="post" action="{{ path }}">
<label>Ask the store
<input name="question" maxlength="2000" required value="{{ given.question }}"></label>
<label>Only documents where
<input name="filter" maxlength="1000" placeholder='year=2025 AND topic="x"' \
value="{{ given.filter }}"></label>
<button>Ask</button>
</form>
{% if problem %}<p class="said" role="status">{{ problem }}</p>{% endif %}
{% if told %}<p class="said" role="status">{{ told.answer }}</p>
{% if told.stopped %}<p>The answer ends early: {{ told.stopped }}.</p>{% endif %}
{% for source in told.sources %}<article>
<h3>[{{ source.number }}] <bdi>{{ source.path }}</bdi>\
{% if source.page %}, page {{ source.page }}{% endif %}</h3>
<p><code>{{ source.uri }}</code></p>
<blockquote class="said">{{ source.passage or "(a picture)" }}</blockquote>
{% for key, value in source.metadata.items() %}<code>{{ key }}: {{ value }}</code> {% endfor %}
</article>{% endfor %}
<p>Store as of {{ told.store_as_of or "an unknown time" }}. {{ "%.5f"|format(told.cost) }} \
{{ told.currency }}, {{ told.model }}.</p>{% endif %}
</section>
"""
_TEMPLATE: Final = Environment(autoescape=True, undefined=StrictUndefined).from_string(_BOX)


class NotAnswered(Exception):
    """The deployment gives no answer to a question; the message says why."""


def with_box(page: bytes, **shown: Any) -> bytes:  # noqa: ANN401 - what the template shows
    """The page with the box; a page without a main part stays as it is."""
    given = {"question": "", "filter": ""}
    box = _TEMPLATE.render({"path": PATH, "given": given, "told": None, "problem": "", **shown})
    return page.replace(_BEFORE, box.encode() + _BEFORE, 1)


def answered(form: bytes, ask: Ask, page: bytes) -> bytes:
    """The page with the answer to the question that a form holds."""
    fields = parse_qs(form.decode(errors="replace"))
    given = {name: fields.get(name, [""])[-1].strip() for name in ("question", "filter")}
    try:
        told = ask({name: value for name, value in given.items() if value})
    except NotAnswered as failure:
        return with_box(page, given=given, problem=str(failure))
    return with_box(page, given=given, told=told)
