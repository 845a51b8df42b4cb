"""The ask function as applications meet it: what may be asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from shared.domain.ask.metadata_filter import MAX_LENGTH
from shared.domain.ask.request import MAX_QUESTION
from tests.browser.page_scenes import in_step
from tests.functions.framework_app import framework_app

if TYPE_CHECKING:
    from flask.testing import FlaskClient

ASTRAL = "\U0001f40b"
"""A character that JSON may write as two escapes, of 12 bytes together."""


@pytest.fixture(scope="module")
def client() -> Iterator[FlaskClient]:
    with framework_app("ask", in_step()) as app:
        yield app.test_client()


def asked(client: FlaskClient, **body: object) -> tuple[int, Any]:
    answer = client.post("/ask", data=json.dumps(body))
    return answer.status_code, answer.get_json()


def test_the_longest_question_and_filter_fit_however_they_are_written(client: FlaskClient) -> None:
    text = f"x='{ASTRAL * (MAX_LENGTH - 4)}'"
    status, answer = asked(client, question=ASTRAL * MAX_QUESTION, filter=text)
    assert (status, answer["question"]) == (200, ASTRAL * MAX_QUESTION)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"question": "x" * (MAX_QUESTION + 1)}, "question: String should have at most 2000"),
        ({"question": "  \n"}, "question: has no words"),
        ({}, "question: Field required"),
        ({"question": "Why?", "model": "gpt-1"}, "model: must be one of gemini-"),
        ({"question": "Why?", "filter": 'a=1) OR (owner="b"'}, "filter: at character 4"),
        ({"question": "Why?", "filter": "x" * (MAX_LENGTH + 1)}, "filter: String should have"),
        ({"question": "Why?", "tools": ["googleSearch"]}, "tools: Extra inputs"),
    ],
)
def test_what_can_not_be_asked_is_refused_with_the_reason(
    client: FlaskClient, body: dict[str, object], problem: str
) -> None:
    status, answer = asked(client, **body)
    assert status == 400
    assert problem in json.dumps(answer)
