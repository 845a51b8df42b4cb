"""The box that asks the store in a real browser, served as `fss page` serves it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.ask_scenes import QUESTION, QUESTIONS, Box, Question, with_box
from tests.browser.devtools import Tab
from tests.browser.looks import PICTURES, WIDTHS, check, visit

pytestmark = pytest.mark.browser

FOCUSED = "document.activeElement.id"

NOT_TEXT = "document.querySelectorAll('#ask :is(a, img, svg, script, iframe, object)').length"


async def ask(page: Tab, question: Question) -> None:
    """Fill the form by its fields, and send it by the key of a keyboard."""
    for name, text in (("filter", question.filter), ("question", QUESTION)):
        await page.evaluate(f"document.getElementById('{name}').focus()")
        await page.type(text)
    await page.load_by(page.press("Enter"))


async def check_answer(page: Tab, box: Box, question: Question, axe: str) -> None:
    await check(page, box.url, axe)
    text = await page.evaluate("document.getElementById('ask').innerText")
    for told in question.told:
        assert told in text, text
    assert await page.evaluate(NOT_TEXT) == 0
    # What was asked can be changed and sent again, and the answer can be read on at once.
    assert await page.evaluate("document.getElementById('question').value") == QUESTION
    assert await page.evaluate("document.getElementById('filter').value") == question.filter
    assert await page.evaluate(FOCUSED) == "answer"


@pytest.mark.parametrize("name", QUESTIONS)
def test_what_becomes_of_a_question_is_shown_well(
    browser: str, axe: str, name: str, tmp_path: Path
) -> None:
    question = QUESTIONS[name]
    with with_box(question) as box:
        replies = tuple(box.asking.answers.replies)

        async def look(page: Tab) -> None:
            for width in WIDTHS:
                for dark in (False, True):
                    await page.look_like(width, dark=dark)
                    await page.open(box.address)
                    box.asking.answers.replies.extend(replies)
                    await ask(page, question)
                    await check_answer(page, box, question, axe)
                    shade = "dark" if dark else "light"
                    await page.screenshot(PICTURES / f"ask, {name}, {width}, {shade}.png")

        box.asking.answers.replies.clear()
        visit(browser, tmp_path, look)
    asked = {each.question for each in box.asking.answers.asked}
    assert asked == ({QUESTION} if question.reply is not None else set())


def test_the_box_is_shown_well_before_anything_was_asked(
    browser: str, axe: str, tmp_path: Path
) -> None:
    with with_box() as box:

        async def look(page: Tab) -> None:
            for width in WIDTHS:
                for dark in (False, True):
                    await page.look_like(width, dark=dark)
                    await page.open(box.address)
                    await check(page, box.url, axe)
                    shade = "dark" if dark else "light"
                    await page.screenshot(PICTURES / f"ask, {width}, {shade}.png")

        visit(browser, tmp_path, look)


def test_a_question_is_asked_with_the_keyboard_alone(browser: str, tmp_path: Path) -> None:
    with with_box(QUESTIONS["answer"]) as box:

        async def look(page: Tab) -> None:
            await page.look_like(768)
            await page.open(box.address)
            for _ in range(10):
                await page.press("Tab")
                if await page.evaluate(FOCUSED) == "question":
                    break
            await page.type("Why?")
            await page.press("Tab")
            assert await page.evaluate("document.activeElement.textContent") == "Ask"
            await page.press("Tab")
            assert await page.evaluate(FOCUSED) == "filter"
            await page.type("year>=2024")
            await page.load_by(page.press("Enter"))
            assert await page.evaluate(FOCUSED) == "answer"
            await page.press("Tab")
            assert await page.evaluate(
                "document.getElementById('answer')"
                ".compareDocumentPosition(document.activeElement) & 4"
            ), "the next stop is behind the answer"

        visit(browser, tmp_path, look)
    (asked,) = box.asking.answers.asked
    assert asked.question == "Why?"
    assert asked.metadata_filter.endswith(" AND (year>=2024)")


def test_the_box_works_without_the_script(browser: str, tmp_path: Path) -> None:
    question = QUESTIONS["answer"]
    with with_box(question) as box:

        async def look(page: Tab) -> None:
            await page.look_like(768, script=False)
            await page.open(box.address)
            await page.evaluate("document.getElementById('question').focus()")
            await page.type(QUESTION)
            await page.load_by(page.press("Enter"))
            text = await page.evaluate("document.getElementById('ask').innerText")
            assert question.told[0] in text
            assert "Store as of 31 Dec 2025, 23:" in text, "in UTC"

        visit(browser, tmp_path, look)


def test_a_question_on_its_way_is_not_sent_twice(browser: str, tmp_path: Path) -> None:
    with with_box(QUESTIONS["answer"]) as box:

        async def look(page: Tab) -> None:
            await page.open(box.address)
            await page.evaluate("document.getElementById('question').focus()")
            await page.type(QUESTION)
            # Both come before the answer, whatever its pace: a page runs one task at a time.
            twice = "for (let i = 0; i < 2; i++) document.querySelector('.ask button').click()"
            await page.load_by(page.evaluate(twice))
            assert await page.evaluate("document.querySelector('.ask button').textContent") == "Ask"

        visit(browser, tmp_path, look)
    assert len(box.asking.answers.asked) == 1


def test_an_answer_stays_while_the_page_looks_again(browser: str, tmp_path: Path) -> None:
    with with_box(QUESTIONS["answer"]) as box:

        async def look(page: Tab) -> None:
            await page.open(box.address)
            await ask(page, QUESTIONS["answer"])
            await page.advance(300)
            assert await page.evaluate("document.querySelectorAll('#answer li').length") == 3

        visit(browser, tmp_path, look)
    assert len(box.asking.answers.asked) == 1
