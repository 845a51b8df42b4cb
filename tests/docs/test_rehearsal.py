"""docs/rehearsal.md is what ``make docs`` writes, and a record becomes a page without names."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local.rehearsal.page import example_steps, page
from local.rehearsal.questions import Question
from local.rehearsal.record import Setting, read_record, recorded
from local.rehearsal.step import Answer, Check, Cost, Result, State
from tests.docs.markdown import ROOT

SETTING = Setting("2026-12-01", "c" * 40, "us-central1", "tier1")
NAMES = ["my-project", "123456789", "ada@example.com"]


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8") == page(read_record())


def record(**results: Result) -> dict[str, Any]:
    return recorded(SETTING, example_steps(), results, NAMES)


def test_a_record_becomes_a_page() -> None:
    apply = Result(State.WRONG, 600, checks=[Check("one apply was enough", False, "2 applies")])
    builds = Result(State.DONE, 3, costs=[Cost("Cloud Build", "9 builds", 0.123)])
    tokens = Result(State.DONE, 60, answers=[Answer(Question.OAUTH_TOKEN, True, "No: 403, a | b")])
    text = page(record(apply=apply, builds=builds, tokens=tokens))
    assert "Played on 2026-12-01 in us-central1 with `tier1`, commit cccccccccccc." in text
    assert "| Apply | wrong | 10 min |  |" in text
    assert "| Count the builds | done | 3 s | 0.12 $ |" in text
    assert "**Apply**: WRONG one apply was enough (2 applies)" in text
    assert r"| No: 403, a \| b |" in text
    assert text.count("| open |") == len(Question) - 1


def test_an_answer_that_settles_nothing_stays_open() -> None:
    answer = Answer(Question.QUOTA_KINDS, False, "No 429 came.")
    text = page(record(questions=Result(State.DONE, answers=[answer])))
    assert "| open: No 429 came. |" in text


@pytest.mark.parametrize(
    "told",
    [
        "gs://my-project-documents/a is missing",
        "https://fss-rehearsal-status-123456789.us-central1.run.app: 500",
        "ada@example.com may not",
        "fileSearchStores/rehearsal-abc123 is gone",
        "projects/somebody-elses/secrets/key",
    ],
)
def test_a_record_names_neither_project_nor_person(told: str) -> None:
    kept = json.dumps(
        record(
            apply=Result(State.FAILED, problem=told),
            sync=Result(State.WRONG, checks=[Check("it holds", False, told)]),
            ask=Result(State.DONE, answers=[Answer(Question.TAKEN_NAME, True, told)]),
        )
    )
    for name in (*NAMES, "abc123", "somebody-elses"):
        assert name not in kept
    assert kept.count("***") >= 3


def test_every_question_says_why_it_matters() -> None:
    for question in Question:
        assert question.asks.endswith("?")
        assert question.matters.endswith(".")


def test_every_step_has_a_name_and_a_sentence_of_its_own() -> None:
    steps = example_steps()
    assert len({step.name for step in steps}) == len({step.title for step in steps}) == len(steps)
    assert all(re.fullmatch(r"[A-Za-z].*[.]", step.about) for step in steps)
