"""`python -m local.rehearsal.page`: writes docs/rehearsal.md from the steps and the last record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.packaging import ROOT
from local.rehearsal.google.costs import AS_OF, estimated
from local.rehearsal.google.deployment import SWAP_SECONDS
from local.rehearsal.google.place import Place
from local.rehearsal.google.steps import google_steps
from local.rehearsal.journal import Journal
from local.rehearsal.programs import Programs
from local.rehearsal.progress import IndentedLines
from local.rehearsal.questions import Question
from local.rehearsal.record import read_record
from local.rehearsal.step import Step
from shared.domain.figures import roughly
from shared.domain.throttle.tiers import tier_named

PAGE = ROOT / "docs" / "rehearsal.md"

TIER = "tier1"
"""The tier for which the page gives times and costs."""


def page(record: Mapping[str, Any] | None) -> str:
    """Return the page.

    Args:
        record: The last rehearsal's record; None if there was none.
    """
    return "\n".join(_lines(record)) + "\n"


def example_steps() -> list[Step]:
    """Return the steps for a project that doesn't exist; they can be read, not played."""
    place = Place("PROJECT", "us-central1", TIER, Path(".rehearsal") / "PROJECT", "rehearsal")
    programs = Programs(place.folder / "commands.log")
    return google_steps(place, programs, "", Journal(None), IndentedLines(None), input)  # type: ignore[arg-type]


def _lines(record: Mapping[str, Any] | None) -> Iterator[str]:
    steps = example_steps()
    hours = sum(step.minutes for step in steps) / 60
    usd = sum(cost.usd for cost in estimated(tier_named(TIER), SWAP_SECONDS))
    yield from _INTRODUCTION.format(hours=hours, usd=usd, as_of=AS_OF, tier=TIER).splitlines()
    yield ""
    yield "| | Step | What it does | Minutes |"
    yield "| --- | --- | --- | --- |"
    for number, step in enumerate(steps, 1):
        yield f"| {number} | {step.title} | {step.about} | {max(1, round(step.minutes))} |"
    yield ""
    yield "## What is open about the services"
    yield ""
    yield "| Question | Why it matters | Answer |"
    yield "| --- | --- | --- |"
    answers = record["answers"] if record else {}
    for question in Question:
        yield f"| {question.asks} | {question.matters} | {_answer(answers.get(question.value))} |"
    yield ""
    yield "## The last rehearsal"
    yield ""
    yield from _last(record) if record else iter([_NONE])


def _answer(answer: Mapping[str, Any] | None) -> str:
    if answer is None:
        return "open"
    text = str(answer["text"]).replace("|", "\\|").replace("\n", " ")
    return text if answer["is_settled"] else f"open: {text}"


def _last(record: Mapping[str, Any]) -> Iterator[str]:
    commit = f", commit {record['commit'][:12]}" if record["commit"] else ""
    yield f"Played on {record['played_on']} in {record['region']} with `{record['tier']}`{commit}."
    yield ""
    yield "| Step | Result | Time | Cost |"
    yield "| --- | --- | --- | --- |"
    for step in record["steps"]:
        usd = f"{step['usd']:.2f} $" if step["usd"] else ""
        yield f"| {step['title']} | {step['result']} | {roughly(step['seconds'])} | {usd} |"
    wrong = [step for step in record["steps"] if step["wrong"] or step["problem"]]
    for step in wrong:
        said = [step["problem"], *step["wrong"]]
        yield ""
        yield f"**{step['title']}**: {' '.join(' '.join(filter(None, said)).split())}"


_INTRODUCTION = """\
# The rehearsal

`make rehearse PROJECT=… KEY_FILE=…` proves in an empty project of Google Cloud that a deployment
can be made, does its work, survives a change of its code, and goes away again. It asks before it
makes anything, and writes what it found into this page. [deploy.md](deploy.md#rehearsing) says how
to run it.

With `{tier}` it takes about {hours:.1f} hours and costs about {usd:.2f} $, by list prices of
{as_of} without free tiers. Without `PROJECT`, `make rehearse` plays on the local stack what can be
played there, in about two minutes.

This page is written by `make docs` and by each rehearsal in a project.

## The steps"""

_NONE = (
    "No rehearsal in a project has been recorded yet: nothing of this has met Google's services. "
    "Whoever plays one is asked to commit this page and `docs/rehearsal.json`, which name neither "
    "the project nor the person."
)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(read_record()), encoding="utf-8")


if __name__ == "__main__":
    main()
