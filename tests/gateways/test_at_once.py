"""Calls that are made at once: each has its own answer, and a slow one holds up none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.domain.errors import NotFound, Unavailable
from shared.gateways.at_once import MOST_AT_ONCE, NO_ANSWER, Threads
from shared.log_labels import labelled, labels

PATIENCE = timedelta(seconds=30)
SOON = timedelta(seconds=0.2)


@contextmanager
def hanging() -> Iterator[Callable[[], int]]:
    """A call that hangs until the test is over."""
    over = threading.Event()

    def hang() -> int:
        over.wait()
        return 0

    try:
        yield hang
    finally:
        over.set()


def test_no_calls_have_no_answers() -> None:
    assert Threads()([], PATIENCE) == []


def test_answers_come_in_the_order_of_the_calls() -> None:
    calls = [(lambda n=n: n) for n in range(100)]

    assert Threads()(calls, PATIENCE) == [*range(100)]


def test_calls_have_the_labels_of_the_caller() -> None:
    with labelled(batch="b"):
        assert Threads()([labels, labels], PATIENCE) == [{"batch": "b"}] * 2


def test_an_error_is_the_answer_of_its_own_call() -> None:
    error = NotFound("gemini.get_file", code=404)

    def fails() -> int:
        raise error

    def is_broken() -> int:
        raise LookupError

    first, second, third = Threads()([fails, lambda: 2, is_broken], PATIENCE)

    assert (first, second) == (error, 2)
    assert isinstance(third, LookupError)


def test_calls_run_at_the_same_time() -> None:
    """Each waits for all others, so they end only if none waits for its turn."""
    together = threading.Barrier(MOST_AT_ONCE, timeout=PATIENCE.total_seconds())

    places = Threads()([together.wait] * MOST_AT_ONCE, PATIENCE)

    assert sorted(place for place in places if isinstance(place, int)) == [*range(MOST_AT_ONCE)]


def test_a_call_that_hangs_is_left_behind() -> None:
    with hanging() as hang:
        answers = Threads()([hang, lambda: 1], SOON)

    assert answers[1] == 1
    assert isinstance(answers[0], Unavailable)
    assert answers[0].status == NO_ANSWER


def test_calls_that_wait_behind_hanging_ones_are_not_made_later() -> None:
    made: list[int] = []
    with hanging() as hang:
        answers = Threads()([*[hang] * MOST_AT_ONCE, lambda: made.append(1)], SOON)

    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert made == []
