"""A step of the rehearsal, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from local.rehearsal.programs import Command
from local.rehearsal.questions import Question


class StepFailed(Exception):
    """A step can't go on; the message is for the user."""


class LeftOut(Exception):
    """A step can't be played here; the message says why. Later steps are played."""


class State(StrEnum):
    """How a step ended."""

    DONE = "done"
    WRONG = "wrong"
    """It was played to its end, and a check did not hold."""
    FAILED = "failed"
    LEFT_OUT = "left out"
    NOT_PLAYED = "not played"
    """A step that it needs failed."""

    @property
    def is_good(self) -> bool:
        """Whether the step says nothing against the deployment."""
        return self in (State.DONE, State.LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Check:
    """Something that should hold.

    Attributes:
        expected: What should hold, as a sentence.
        holds: Whether it does.
        seen: What was seen instead, or as evidence; may be empty.
    """

    expected: str
    holds: bool
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rehearsal learned about a question.

    Attributes:
        question: The question's name.
        is_settled: Whether the answer is the service's own; else the text says what is missing.
        text: The answer. It names neither project nor person: it is committed.
    """

    question: Question
    is_settled: bool
    text: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step cost, from measured quantities and list prices.

    Attributes:
        item: What is paid for.
        quantity: How much of it, with its unit.
        usd: The price, in US dollars.
    """

    item: str
    quantity: str
    usd: float


@dataclass(slots=True)
class Result:
    """What is kept of a played step.

    Attributes:
        state: None while the step is being played.
        seconds: How long it took.
        problem: Why it failed or was left out; empty otherwise.
    """

    state: State | None = None
    seconds: float = 0.0
    problem: str = ""
    checks: list[Check] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the result that `as_json` wrote."""
        return cls(
            state=State(value["state"]) if value["state"] else None,
            seconds=value["seconds"],
            problem=value["problem"],
            checks=[Check(**each) for each in value["checks"]],
            answers=[
                Answer(Question(each["question"]), each["is_settled"], each["text"])
                for each in value["answers"]
            ],
            costs=[Cost(**each) for each in value["costs"]],
        )


class Findings:
    """Where a step writes what it sees, while it is played.

    Args:
        memory: Values for later steps, as JSON. Call `keep` to have them saved at once.
        say: Prints a line.
        save: Saves the memory.
        is_again: Whether an earlier try of the step was interrupted, so that some of its work may
            have been done before.
    """

    def __init__(
        self,
        memory: dict[str, Any],
        say: Callable[[str], None],
        save: Callable[[], None],
        *,
        is_again: bool = False,
    ) -> None:
        self.memory = memory
        self.is_again = is_again
        self.result = Result()
        self._say = say
        self._save = save

    def say(self, text: str) -> None:
        """Print something that need not be kept."""
        self._say(text)

    def check(self, expected: str, holds: bool, seen: object = "") -> None:  # noqa: FBT001 - the check's value
        """Note whether something holds, and print it."""
        check = Check(expected, bool(holds), str(seen))
        self.result.checks.append(check)
        self._say(check_line(check))

    def answer(self, question: Question, text: str, *, is_settled: bool = True) -> None:
        """Note what was learned about a question, and print it."""
        self.result.answers.append(Answer(question, is_settled, text))
        self._say(f"{question.asks}\n  {text}")

    def cost(self, item: str, quantity: str, usd: float) -> None:
        """Note what something cost."""
        self.result.costs.append(Cost(item, quantity, usd))

    def keep(self, **values: object) -> None:
        """Keep values for later steps, also if this run is interrupted."""
        self.memory.update(values)
        self._save()


def check_line(check: Check) -> str:
    """Return a check as one line."""
    seen = f" ({check.seen})" if check.seen else ""
    return f"{'ok   ' if check.holds else 'WRONG'} {check.expected}{seen}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of the rehearsal.

    Attributes:
        name: Its name in journal and record; unique.
        title: What it does, in a few words.
        about: What it does and what should come of it, for somebody who watches.
        play: Plays it. May be called again after an interruption. Raises `StepFailed` or
            `LeftOut`; any other exception fails it too.
        commands: Every command that it may run; no other is run.
        is_needed: Whether no later step can be played if it fails.
        always: Whether it is played even then, because it leaves nothing behind.
        minutes: About how long it takes.
    """

    name: str
    title: str
    about: str
    play: Callable[[Findings], None]
    commands: Sequence[Command] = ()
    is_needed: bool = False
    always: bool = False
    minutes: float = 0.0
