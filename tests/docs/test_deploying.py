"""The blocks of docs/deploy.md can be pasted: no line answers a question of the one before."""

from __future__ import annotations

import re

from tests.docs.markdown import Page

PAGE = Page.read("docs/deploy.md")

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)

ASKS = re.compile(r"^(gcloud auth login|read )|^terraform .*\bapply\b(?!.*-auto-approve)")
"""Commands that wait for an answer. gcloud's own questions are off, see below."""


def blocks(heading: str) -> list[list[str]]:
    section = PAGE.whole.partition(f"\n{heading}\n")[2]
    section = re.split(r"^#{2,3} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return [block.splitlines() for block in BLOCK.findall(section)]


FIRST_SYNC = blocks("## From an empty project to the first sync")


def test_the_first_sync_takes_three_blocks() -> None:
    assert len(FIRST_SYNC) == 3
    assert FIRST_SYNC[-1][-1] == ".venv/bin/fss sync --watch"


def test_only_the_last_line_of_a_block_asks() -> None:
    for block in FIRST_SYNC:
        assert [line for line in block[:-1] if ASKS.search(line)] == []
    assert [bool(ASKS.search(block[-1])) for block in FIRST_SYNC] == [True, True, False]


def test_no_line_is_a_comment_that_a_question_could_take_for_its_answer() -> None:
    assert [line for block in FIRST_SYNC for line in block if "#" in line] == []


def test_gcloud_and_terraform_ask_nothing_within_a_block() -> None:
    lines = [line for block in FIRST_SYNC for line in block]
    first = next(n for n, line in enumerate(lines) if "CLOUDSDK_CORE_DISABLE_PROMPTS=1" in line)
    assert [line for line in lines[:first] if not ASKS.search(line)] == []
    asking = [line for line in lines if re.search(r"terraform .*\b(init|apply)\b", line)]
    assert asking
    assert [line for line in asking if "-input=false" not in line] == []
