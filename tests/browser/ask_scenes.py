"""Questions in the box of the page, and what a model replies to them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from local.front.page_front import PageFront
from local.fss.deployment.client import Deployment
from local.fss.deployment.page_source import ask_of, source_of
from shared.domain.ask.reply import Passage, Reply, Support
from shared.domain.errors import GatewayError, QuotaKind, Throttled
from tests.browser.hostile_names import HOSTILE
from tests.browser.page_scenes import hostile, in_step
from tests.browser.site import Site, served, serving
from tests.functions.framework_app import framework_app
from tests.services.ask.asking import Asking
from tests.twins.answers import TOKENS, supported
from tests.world import World, rules

OWNER = rules(
    bucket="acme-documents", prefix="library/", deployment="prod"
).settings.owner  # of the worlds of all scenes

QUESTION = "How often must the pump X-200 be serviced, and who may do it?"


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        told: What the page must say, as text.
        reply: What the model replies; None if it is not to be asked.
        filter: What the second field has.
        limit: What the questions of a day may cost, in US dollars.
        hostile: Whether the names of the page's files are hostile, too.
    """

    told: tuple[str, ...]
    reply: Reply | GatewayError | None = None
    filter: str = ""
    limit: float = 1.0
    hostile: bool = False


def passage(path: str, text: str, **more: Any) -> Passage:
    """A passage of a document of the scenes' deployment."""
    own = {"owner": OWNER, "path": path, **more.pop("metadata", {})}
    return Passage("fss-" + "0" * 36, text, metadata=own, **more)


def answer() -> Reply:
    """Three sources: with pages, with metadata, a picture."""
    text = (
        "The pump is serviced every 2,000 hours of work, or once a year if that is sooner. "
        "Seals may be replaced by trained staff only.\n\nThe plate on the housing names the model."
    )
    first, second = text.index(" Seals"), text.index("\n\n")
    passages = (
        passage(
            "manuals/pump x-200/handbook.pdf",
            "4.2 Intervals. The pump shall be serviced every 2,000 hours of operation, at the "
            "latest after twelve months. Record each service in the log that is kept at the pump. "
            "4.3 After each service run the pump dry for no longer than ten seconds.",
            page=17,
            metadata={"year": 2025.0, "category": "manuals", "tags": ("pumps", "service")},
        ),
        passage("policies/maintenance.md", "Seals: by trained staff only.", page=None),
        passage("photos/x-200 plate.png", "", media="fileSearchStores/s/media/m"),
    )
    supports = (Support(first, (0,)), Support(second, (1, 0)), Support(len(text), (2,)))
    return Reply(text, passages, supports, TOKENS)


def hostile_answer() -> Reply:
    """What a document may make a model say, from files with hostile names."""
    text = (
        "<script>alert(1)</script> Click [here](https://evil.example/?q=1) or www.evil.example, "
        "![pixel](https://evil.example/pixel.png) <img src=x onerror=alert(1)> "
        "javascript:alert(1) \x1b]8;;https://evil.example\x07link \u202eesrever\u202c "
        "{{ 7 * 7 }} | a | b |\n# Not a title\n" + "unbroken" * 80
    )
    passages = tuple(
        passage(name, text, page=3, metadata={"<b>key</b>": f'"><svg onload=alert(1)> {text}'})
        for name in HOSTILE
    )
    return supported(text, *passages)


UNSUPPORTED = Reply(
    "Tungsten boils at 5,555 degrees.", (passage("a.md", "Copper melts."),), (), TOKENS
)

QUESTIONS: dict[str, Question] = {
    "answer": Question(
        (
            "if that is sooner. [1] Seals may be replaced by trained staff only. [1, 2]",
            "manuals/pump x-200/handbook.pdf, page 17",
            "tags: pumps, service",
            "year: 2025",
            "gs://acme-documents/policies/maintenance.md",
            "(a picture)",
            "Store as of Dec 31, 2025, 11:",
            "0.00055 USD, gemini-3.5-flash-lite",
        ),
        answer(),
    ),
    "answer in the question's language": Question(
        ("Das steht in keinem der Dokumente.", "Without the filter, or in other words, one may."),
        Reply("NO_ANSWER: Das steht in keinem der Dokumente.", (), (), TOKENS),
        filter="year>=2024",
    ),
    "nothing supports it": Question(
        ("Nothing in the store supports an answer to this question.", "In other words, one may."),
        UNSUPPORTED,
    ),
    "wrong filter": Question(
        ("filter: at character 7", "closes a parenthesis that was not opened"),
        filter='year=1) OR (owner="other"',
    ),
    "budget spent": Question(
        ("0.001 USD that MAX_ASK_COST_PER_DAY allows", "The day ends at midnight in California"),
        limit=0.001,
    ),
    "throttled": Question(
        ("Gemini's quota for gemini-3.5-flash-lite is used up (day)", "Syncs are not affected."),
        Throttled("gemini.ask", quota=QuotaKind.DAY),
    ),
    "hostile answer": Question(
        ("https[:]//evil.example/?q=1", "< script>alert(1)", "\\x1b]8;;", "# Not a title"),
        hostile_answer(),
        hostile=True,
    ),
}
"""Every question, by what becomes of it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A page with a box, as `fss page` serves it.

    Attributes:
        url: Its origin.
        address: What is opened first; it has the page's key.
        asking: The ask function's use case, with what the model was asked.
    """

    url: str
    address: str
    asking: Asking = field(repr=False)


@contextmanager
def with_box(question: Question | None = None) -> Iterator[Box]:
    """The status and the ask function, and the page's front before both."""
    world: World = hostile() if question and question.hostile else in_step()
    replies = [question.reply] if question and question.reply is not None else []
    asking = Asking(world, *replies, limit=question.limit if question else 1.0)
    with served(world) as site, served_ask(world, asking) as ask:
        deployment = Deployment(site.url, site.url, ask=ask.url)
        with PageFront(source_of(deployment), of=site.url, ask=ask_of(deployment)) as front:
            yield Box(front.address.partition("/?")[0], front.address, asking)


@contextmanager
def served_ask(world: World, asking: Asking) -> Iterator[Site]:
    """The ask function, on a port of this machine."""
    with framework_app("ask", world) as app:
        vars(sys.modules["main"])["ask"] = lambda _: asking.use
        with serving(app) as site:
            yield site
