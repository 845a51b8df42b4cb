"""The box on the page that asks the store: a form, and below it the latest answer.

All that an answer holds is put into the page as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from jinja2 import Environment, StrictUndefined

from shared.page import words

PATH: Final = "/ask"
MAX_FORM: Final = 16_384
"""Most bytes of a form that is sent."""

Ask = Callable[[Mapping[str, str]], Mapping[str, Any]]
"""Asks the deployment, and returns its answer. Raises ``NotAnswered``."""

_PLACE: Final = b'<div id="ask"></div>'
"""Where the page gets the box."""

_BOX: Final = """<section id="ask" class="card ask" aria-labelledby="ask-title">
<h2 id="ask-title">Ask the store</h2>
<form method="post" action="{{ path }}" class="find">
<label for="question">Question</label>
<span><input id="question" name="question" maxlength="2000" required autocomplete="off" \
value="{{ given.question }}"><button>Ask</button></span>
<label for="filter">Only documents where <span class="hidden">(a filter)</span></label>
<span><input id="filter" name="filter" maxlength="1000" autocomplete="off" spellcheck="false" \
placeholder='year=2025 AND topic="x"' value="{{ given.filter }}"></span>
</form>
{% if problem %}<p class="said bad" role="status">{{ problem|plain }}</p>{% endif %}
{% if told %}<p class="answer" role="status"><bdi>{{ told.answer|lines }}</bdi></p>
{% if told.stopped %}<p>The answer ends early: {{ told.stopped|plain }}.</p>{% endif %}
{% if told.sources %}<ol class="sources">
{% for source in told.sources %}<li value="{{ source.number }}">
<p><strong>{{ source.path|name }}</strong>{% if source.page %}, page {{ source.page }}{% endif %} \
<code class="soft small">{{ source.uri|plain }}</code></p>
<blockquote><bdi>{{ (source.passage or "(a picture)")|lines }}</bdi></blockquote>
{% if source.metadata %}<p class="small soft">\
{% for key, value in source.metadata.items() %}<code>{{ key|plain }}: {{ value|plain }}</code> \
{% endfor %}</p>{% endif %}
</li>{% endfor %}</ol>{% endif %}
<p class="small soft">Store as of {{ told.store_as_of|moment }}. \
{{ "%.5f"|format(told.cost) }} {{ told.currency }}, {{ told.model|plain }}.</p>{% endif %}
</section>
"""
_FILTERS: Final = (words.lines, words.moment, words.name, words.plain)
_ENVIRONMENT: Final = Environment(autoescape=True, undefined=StrictUndefined)
_ENVIRONMENT.filters |= {each.__name__: each for each in _FILTERS}
_TEMPLATE: Final = _ENVIRONMENT.from_string(_BOX)


class NotAnswered(Exception):
    """The deployment gives no answer to a question; the message says why."""


def with_box(page: bytes, **shown: Any) -> bytes:  # noqa: ANN401 - what the template shows
    """The page with the box; a page without a place for it stays as it is."""
    given = {"question": "", "filter": ""}
    box = _TEMPLATE.render({"path": PATH, "given": given, "told": None, "problem": "", **shown})
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
