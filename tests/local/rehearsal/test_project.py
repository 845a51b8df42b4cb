"""A rehearsal in a project, whose commands are answered by a project that exists only here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from local.fss.deployment.outcome import Exit
from local.rehearsal import project
from local.rehearsal.google import alert, deployment, preparation, steps, tear_down, tokens
from local.rehearsal.google.applying import MOST_APPLIES
from local.rehearsal.google.commands import Commands
from local.rehearsal.google.place import Place
from local.rehearsal.programs import Command
from local.rehearsal.step import Findings, LeftOut, Step, StepFailed
from tests.local.rehearsal.pretend_project import (
    ACCOUNT,
    BY_GOOGLE,
    BY_TERRAFORM,
    DEPLOYMENT,
    FIRST_SERVICES,
    NUMBER,
    STORE,
    PretendProject,
    PretendStores,
)

KEY = "AQ.the-gemini-key"

TRIES = {("apply",): MOST_APPLIES, ("auth", "print-access-token"): tokens.TRIES}


@dataclass
class Stage:
    """A rehearsal whose syncs are left out, and everything that it meets."""

    place: Place
    project: PretendProject
    stores: PretendStores
    answers: list[str]
    library: Callable[[Findings], None] = lambda _: None
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def rehearse(self, *, only_tear_down: bool = False) -> Exit:
        return project.rehearse(self.place, KEY, self.said.append, only_tear_down=only_tear_down)

    def answer(self, question: str) -> str:
        self.asked.append(question)
        return self.answers.pop(0)

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    def is_as_before(self) -> bool:
        """Whether the project holds nothing of the rehearsal."""
        mine = {name for names in BY_TERRAFORM.values() for name in names}
        mine |= {self.place.state_bucket, "projects/my-project/notificationChannels/5"}
        held = {name for names in self.project.things.values() for name in names}
        return not mine & held and self.stores.names == PretendStores().names


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    place = Place("my-project", "us-central1", "tier1", tmp_path / "rehearsal", DEPLOYMENT)
    stage = Stage(place, PretendProject(tmp_path / "log"), PretendStores(), ["my-project"])

    def a_sync_makes_a_store() -> None:
        stage.stores.names["fileSearchStores/ours"] = STORE

    stage.project.on_apply = a_sync_makes_a_store

    def library_steps(*_: object) -> list[Step]:
        def play(findings: Findings) -> None:
            stage.library(findings)

        return [Step(name="sync", title="Sync", about="", play=play, is_needed=True)]

    monkeypatch.setattr(project, "Programs", lambda _: stage.project)
    monkeypatch.setattr(project, "PAGE", tmp_path / "rehearsal.md")
    monkeypatch.setattr(project, "RECORD", tmp_path / "rehearsal.json")
    monkeypatch.setattr("builtins.input", stage.answer)
    monkeypatch.setattr(project, "write_record", lambda record: written(tmp_path, record))
    monkeypatch.setattr(steps, "library_steps", library_steps)
    monkeypatch.setattr(alert.AlertTest, "play", lambda *_: None)
    monkeypatch.setattr(deployment.GoogleDeployment, "_wait_for_an_answer", lambda _: None)
    monkeypatch.setattr(tokens, "LOOK_AGAIN", 0)
    monkeypatch.setattr(tokens, "get", lambda *_: (403, {"error": {"message": "no scope"}}))
    for module in (preparation, tear_down):
        monkeypatch.setattr(module, "gemini_client", stage.stores.client)
    return stage


def written(folder: Path, record: object) -> None:
    (folder / "rehearsal.json").write_text(json.dumps(record))


def test_a_rehearsal_makes_a_deployment_and_leaves_nothing(stage: Stage) -> None:
    seen: list[dict[str, list[str]]] = []
    stage.library = lambda _: seen.append({k: list(v) for k, v in stage.project.things.items()})
    assert stage.rehearse() == Exit.IN_STEP, stage.text
    assert seen[0]["functions"] == BY_TERRAFORM["functions"]
    assert stage.is_as_before()
    assert "ok    nothing of the deployment is left" in stage.text
    assert f"buckets: {BY_GOOGLE['buckets'][0]}" in stage.text  # named, although it isn't ours
    assert "Cloud Build: 3 builds, 5.0 min: 0.03 $" in stage.text


def test_the_key_and_the_names_stay_where_they_belong(stage: Stage, tmp_path: Path) -> None:
    stage.rehearse()
    given = [what for _, what in stage.project.ran if what is not None]
    assert given == [KEY]
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file() and is_ours(path)]
    assert not any(KEY in text for text in (*stage.project.lines(), *stage.said, *written))
    committed = (tmp_path / "rehearsal.json").read_text() + (tmp_path / "rehearsal.md").read_text()
    assert not any(name in committed for name in ("my-project", NUMBER, ACCOUNT))
    assert "No: 403, no scope" in committed


def is_ours(path: Path) -> bool:
    return path.suffix in (".json", ".md", "") and "checkout" not in path.parts


def test_nothing_is_made_before_the_answer(stage: Stage) -> None:
    def answer(question: str) -> str:
        assert stage.project.things == {"services": list(FIRST_SERVICES)}
        assert "Cloud Build" in stage.text
        assert "$" in stage.text
        return stage.answer(question)

    stage.answers = ["no"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("builtins.input", answer)
        assert stage.rehearse() == Exit.NOT_IN_STEP
    assert stage.project.things == {"services": list(FIRST_SERVICES)}
    assert "Nothing was made." in stage.text
    stage.answers = ["my-project"]
    assert stage.rehearse() == Exit.IN_STEP  # it is asked anew
    assert len(stage.asked) == 2


def test_nobody_who_answers_is_no_agreement(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", raises_end_of_file)
    assert stage.rehearse() == Exit.NOT_IN_STEP
    assert "FAILED not agreed" in stage.text
    assert stage.project.things == {"services": list(FIRST_SERVICES)}


def raises_end_of_file(_: str) -> str:
    raise EOFError


@pytest.mark.parametrize(
    ("thing", "named"),
    [
        ({"buckets": ["photos"]}, "buckets: photos"),
        ({"functions": ["shop"]}, "functions: shop"),
    ],
)
def test_a_project_that_is_not_empty_is_refused(
    stage: Stage, thing: dict[str, list[str]], named: str
) -> None:
    services = ["storage.googleapis.com", "cloudfunctions.googleapis.com"]
    stage.project.things |= {"services": services, **thing}
    assert stage.rehearse() == Exit.NOT_IN_STEP
    assert named in stage.text
    assert stage.asked == []


def test_what_google_left_of_an_earlier_rehearsal_does_not_count(stage: Stage) -> None:
    assert stage.rehearse() == Exit.IN_STEP
    stage.answers = ["my-project"]
    assert stage.rehearse() == Exit.IN_STEP, stage.text


def commands_after_the_answer(stage: Stage) -> list[Command]:
    """The commands that a rehearsal runs up to its tear-down, once each."""
    stage.rehearse()
    commands = [command for command, _ in stage.project.ran]
    first = next(i for i, each in enumerate(commands) if each.words[:2] == ("services", "enable"))
    last = next(i for i, each in enumerate(commands) if each.words[:2] == ("builds", "list"))
    return list(dict.fromkeys(commands[first : last + 1]))


def test_whatever_fails_nothing_is_left(stage: Stage) -> None:
    """Each command fails in a rehearsal of its own, as often as it is tried."""
    for command in commands_after_the_answer(stage):
        left = [TRIES.get(command.words[:2], 1)]

        def refused(each: Command, failing: Command = command, left: list[int] = left) -> bool:
            left[0] -= each == failing
            return each == failing and left[0] >= 0

        stage.project.refused = refused
        stage.answers, stage.said = ["my-project"], []
        assert stage.rehearse() == Exit.NOT_IN_STEP, command
        assert stage.is_as_before(), f"{command}\n{stage.text}"


@pytest.mark.parametrize("error", [StepFailed("no"), RuntimeError("a mistake"), LeftOut("no")])
def test_whatever_a_sync_does_nothing_is_left(stage: Stage, error: Exception) -> None:
    def play(_: Findings) -> None:
        raise error

    stage.library = play
    stage.rehearse()
    assert stage.is_as_before()


def test_a_first_apply_that_stops_is_repeated_and_counted(stage: Stage) -> None:
    tries = []

    def refused(command: Command) -> bool:
        is_apply = command.words == ("apply",) and "-target" not in command.flags
        if is_apply and "-destroy" not in command.flags:
            tries.append(command)
        return len(tries) == 1 and is_apply

    stage.project.refused = refused
    assert stage.rehearse() == Exit.NOT_IN_STEP
    assert "WRONG one apply was enough (it took 2)" in stage.text
    assert stage.is_as_before()


def test_a_plan_with_something_left_is_wrong(stage: Stage) -> None:
    stage.project.left = ["google_monitoring_alert_policy.this will be updated in-place"]
    assert stage.rehearse() == Exit.NOT_IN_STEP
    assert "WRONG nothing is left to do (# google_monitoring_alert_policy.this" in stage.text


def test_a_tear_down_that_fails_is_repeated_by_the_next_run(stage: Stage) -> None:
    stage.project.refused = lambda command: "-destroy" in command.flags
    assert stage.rehearse() == Exit.COULD_NOT_RUN
    assert not stage.is_as_before()
    assert "WRONG nothing of the deployment is left (functions: fss-rehearsal-" in stage.text
    stage.project.refused = lambda _: False
    stage.project.ran.clear()
    stage.rehearse()
    assert stage.is_as_before()
    assert not any("services enable" in line for line in stage.project.lines())
    assert len(stage.asked) == 1


def test_what_nobody_knows_is_named_and_ends_the_rehearsal(stage: Stage, tmp_path: Path) -> None:
    stage.project.on_apply = lambda: stage.project.things["buckets"].append("mystery")
    assert stage.rehearse() == Exit.COULD_NOT_RUN
    assert "WRONG nothing of the deployment is left (buckets: mystery)" in stage.text
    assert (tmp_path / "rehearsal.json").exists()
    assert not (stage.place.folder / "journal.json").exists()
    assert stage.rehearse() == Exit.NOT_IN_STEP
    assert "my-project is not empty" in stage.text


def test_an_interrupted_rehearsal_goes_on(stage: Stage) -> None:
    def interrupted(_: Findings) -> None:
        raise KeyboardInterrupt

    stage.library = interrupted
    assert stage.rehearse() == Exit.INTERRUPTED
    assert "ARGS=--tear-down" in stage.text
    assert not stage.is_as_before()
    stage.library = lambda _: None
    applied = str(Commands(stage.place).apply())
    applies = stage.project.lines().count(applied)
    assert stage.rehearse() == Exit.IN_STEP, stage.text
    assert stage.project.lines().count(applied) == applies
    assert len(stage.asked) == 1
    assert stage.is_as_before()


def test_an_interrupted_rehearsal_keeps_its_names_region_and_tier(stage: Stage) -> None:
    def interrupted(_: Findings) -> None:
        raise KeyboardInterrupt

    stage.library = interrupted
    stage.rehearse()
    stage.library = lambda _: None
    first = stage.place
    stage.place = replace(first, deployment="rehearsal-9999", region="europe-west1", tier="tier2")
    stage.project.ran.clear()
    assert stage.rehearse() == Exit.IN_STEP
    lines = "\n".join(stage.project.lines())
    assert "fss-rehearsal-9999" not in lines
    assert "europe-west1" not in lines
    stage.place = first
    assert stage.is_as_before()


def test_an_interrupted_rehearsal_can_be_torn_down(stage: Stage) -> None:
    played = []

    def interrupted(_: Findings) -> None:
        played.append(1)
        raise KeyboardInterrupt

    stage.library = interrupted
    stage.rehearse()
    stage.rehearse(only_tear_down=True)
    assert stage.is_as_before()
    assert len(played) == 1
    stage.answers, stage.library = ["my-project"], lambda _: None
    assert stage.rehearse() == Exit.IN_STEP  # from the beginning


@pytest.mark.parametrize(
    ("account", "said"),
    [("", "log in as a person"), ("ci@p.iam.gserviceaccount.com", "log in as a person")],
)
def test_only_a_person_can_rehearse(
    stage: Stage, account: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.local.rehearsal.pretend_project.ACCOUNT", account)
    assert stage.rehearse() == Exit.NOT_IN_STEP
    assert said in stage.text
