from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.rehearsal.journal import Journal, UnusableJournal
from local.rehearsal.questions import Question
from local.rehearsal.report import report_lines
from local.rehearsal.runner import Runner
from local.rehearsal.step import Findings, LeftOut, State, Step, StepFailed

Play = Callable[[Findings], None]


class Stage:
    """Steps that write down that they were played."""

    def __init__(self, path: Path | None = None) -> None:
        self.played: list[str] = []
        self.said: list[str] = []
        self.steps: list[Step] = []
        self.journal = Journal(path)
        self.now = 0.0

    def step(self, name: str, play: Play = lambda _: None, **more: Any) -> None:
        def recorded(findings: Findings) -> None:
            self.played.append(name)
            self.now += 60
            play(findings)

        self.steps.append(
            Step(name=name, title=name.title(), about=f"It is {name}.", play=recorded, **more)
        )

    def run(self, **how: bool) -> bool:
        return Runner(self.steps, self.journal, self.said.append, lambda: self.now).run(**how)

    def state(self, name: str) -> State | None:
        result = self.journal.result(name)
        return None if result is None else result.state


def fails(error: Exception) -> Play:
    def play(_: Findings) -> None:
        raise error

    return play


def interrupted(_: Findings) -> None:
    raise KeyboardInterrupt


def test_steps_are_played_in_order_and_timed() -> None:
    stage = Stage()
    stage.step("one", lambda findings: findings.check("it holds", True))
    stage.step("two")
    assert stage.run()
    assert stage.played == ["one", "two"]
    assert [result.seconds for _, result in stage.journal.results()] == [60, 60]


@pytest.mark.parametrize(
    "error", [StepFailed("no store"), RuntimeError("a mistake"), OSError("no disk")]
)
def test_after_a_needed_step_failed_only_the_tear_down_is_played(error: Exception) -> None:
    stage = Stage()
    stage.step("apply", fails(error), is_needed=True)
    stage.step("sync")
    stage.step("destroy", always=True)
    assert not stage.run()
    assert stage.played == ["apply", "destroy"]
    assert stage.state("sync") is State.NOT_PLAYED
    assert any(str(error) in line for line in stage.said)


def test_after_any_other_failure_the_next_step_is_played() -> None:
    stage = Stage()
    stage.step("ask", fails(StepFailed("no answer")))
    stage.step("change")
    assert not stage.run()
    assert stage.played == ["ask", "change"]


def test_a_check_that_does_not_hold_is_no_failure_and_yet_not_good() -> None:
    stage = Stage()
    stage.step("apply", lambda findings: findings.check("once", False, "twice"), is_needed=True)
    stage.step("sync")
    assert not stage.run()
    assert stage.state("apply") is State.WRONG
    assert stage.played == ["apply", "sync"]
    assert any("WRONG once (twice)" in line for line in stage.said)


def test_a_step_that_is_left_out_is_not_bad() -> None:
    stage = Stage()
    stage.step("strangers", fails(LeftOut("no IAM here")))
    assert stage.run()
    assert stage.state("strangers") is State.LEFT_OUT


def test_a_failing_tear_down_does_not_keep_the_next_one_from_being_played() -> None:
    stage = Stage()
    stage.step("destroy", fails(StepFailed("locked")), always=True)
    stage.step("list", always=True)
    assert not stage.run()
    assert stage.played == ["destroy", "list"]


def test_an_interrupted_rehearsal_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    first = Stage(path)
    first.step("one", lambda findings: findings.keep(store="s"))
    first.step("two", interrupted)
    first.step("destroy", always=True)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    assert first.played == ["one", "two"]

    seen: list[object] = []
    second = Stage(path)
    second.step("one")
    second.step("two", lambda findings: seen.extend((findings.memory["store"], findings.is_again)))
    second.step("destroy", always=True)
    assert second.run()
    assert second.played == ["two", "destroy"]
    assert seen == ["s", True]


def test_what_failed_is_not_tried_again_but_the_tear_down_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    first = Stage(path)
    first.step("apply", fails(StepFailed("quota")), is_needed=True)
    first.step("sync")
    first.step("destroy", fails(StepFailed("locked")), always=True)
    assert not first.run()

    second = Stage(path)
    second.step("apply", is_needed=True)
    second.step("sync")
    second.step("destroy", always=True)
    assert not second.run()
    assert second.played == ["destroy"]


def test_the_tear_down_alone_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    first = Stage(path)
    first.step("apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        first.run()

    second = Stage(path)
    second.step("apply")
    second.step("destroy", always=True)
    second.run(only_always=True)
    assert second.played == ["destroy"]


def test_a_result_survives_the_journal(tmp_path: Path) -> None:
    def play(findings: Findings) -> None:
        findings.check("it holds", True, 3)
        findings.answer(Question.SIZE_BYTES, "three times", is_settled=False)
        findings.cost("builds", "3 builds", 0.05)

    stage = Stage(tmp_path / "journal.json")
    stage.step("one", play)
    stage.run()
    again = Journal(tmp_path / "journal.json")
    assert again.result("one") == stage.journal.result("one")
    assert again.result("two") is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 1, "memory": {}, "steps": 3}'])
def test_a_damaged_journal_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "journal.json"
    path.write_text(content)
    with pytest.raises(UnusableJournal, match=r"journal\.json is damaged"):
        Journal(path)


def test_a_journal_that_is_put_away_does_not_replace_another(tmp_path: Path) -> None:
    for number in (1, 2):
        journal = Journal(tmp_path / "journal.json")
        journal.save()
        assert journal.put_away() == tmp_path / f"journal-{number}.json"


def test_the_report_has_times_costs_problems_and_answers() -> None:
    def play(findings: Findings) -> None:
        findings.check("one apply was enough", False, "2 applies")
        findings.cost("Cloud Build", "9 builds, 20 min", 0.12)
        findings.answer(Question.OAUTH_TOKEN, "No: 403")

    stage = Stage()
    stage.step("apply", play)
    stage.step("sync", fails(StepFailed("no store")))
    stage.run()
    text = "\n".join(report_lines(stage.steps, dict(stage.journal.results())))
    assert "Apply  wrong           60 s    0.12 $" in text
    assert "Total                 2 min    0.12 $" in text
    assert "  Cloud Build: 9 builds, 20 min: 0.12 $" in text
    assert "  Apply\n    WRONG one apply was enough (2 applies)\n  Sync: no store" in text
    assert text.endswith(f"  {Question.OAUTH_TOKEN.asks}\n    No: 403")
