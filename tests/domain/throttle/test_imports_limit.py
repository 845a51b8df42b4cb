"""The limit on imports in progress: against services whose bound isn't told, and rule by rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.throttle import imports_limit
from shared.domain.throttle.imports_limit import Cut, Ended, ImportsLimit, Trial
from tests.domain.throttle.crowded_service import PRESET, START, Bound, Outcome, run

FILES = 12_000
TIER3_IMPORTS = 1000
"""Imports a minute: each file has two metered requests, of which 2,000 are allowed."""


def bears_all(_second: int) -> None:
    return None


def bears_50(_second: int) -> int:
    return 50


def bears_120(_second: int) -> int:
    return 120


def changes(second: int) -> int | None:
    return None if second < 400 else 50 if second < 800 else 120


BOUNDS = (bears_all, bears_50, bears_120, changes)


def per_minute(outcome: Outcome, first: int, last: int) -> float:
    indexed = outcome.indexed[first:last]
    return sum(indexed) / len(indexed) * 60


class TestAgainstAService:
    @pytest.mark.parametrize("bad", [0.0, 0.02])
    @pytest.mark.parametrize("bound", BOUNDS)
    def test_no_good_file_is_lost_and_few_imports_are_wasted(
        self, bound: Bound, bad: float
    ) -> None:
        for seed in (1, 2):
            outcome = run(FILES, bound, seed=seed, bad=bad)
            assert all(file.is_bad for file in outcome.given_up)
            assert sum(outcome.indexed) + len(outcome.given_up) == FILES
            assert outcome.wasted <= 0.02 * outcome.imports

    def test_where_the_service_bears_it_nine_tenths_of_the_rate_are_reached(self) -> None:
        outcome = run(FILES, bears_all)
        assert per_minute(outcome, 180, len(outcome.indexed) - 30) >= 0.9 * TIER3_IMPORTS

    def test_bad_files_alone_do_not_keep_the_limit_low(self) -> None:
        outcome = run(FILES, bears_all, bad=0.02)
        assert per_minute(outcome, 180, 600) >= 0.85 * TIER3_IMPORTS

    def test_a_bound_of_120_is_nearly_reached_and_rarely_exceeded(self) -> None:
        outcome = run(FILES, bears_120)
        assert 0.7 * 120 <= outcome.limits[600] <= 120
        assert sum(limit > 120 for limit in outcome.limits) == 0

    def test_a_service_that_bears_the_preset_only_is_not_asked_for_more_for_long(self) -> None:
        outcome = run(FILES, bears_50)
        assert max(outcome.limits) == PRESET

    def test_the_limit_falls_with_the_bound(self) -> None:
        outcome = run(FILES, changes)
        assert max(outcome.limits[:400]) > 100
        assert max(outcome.limits[430:800]) == PRESET

    def test_long_imports_may_be_many(self) -> None:
        outcome = run(60_000, bears_all, seconds=60.0)
        assert max(outcome.limits) >= 1000
        assert per_minute(outcome, 2400, 3000) >= 0.9 * TIER3_IMPORTS

    def test_a_limit_that_is_never_reached_stays(self) -> None:
        assert max(run(FILES, bears_all, seconds=1.0).limits) == PRESET

    def test_more_in_progress_that_end_no_faster_are_not_kept(self) -> None:
        outcome = run(FILES, bears_all, shared_speed=6.5)
        assert sum(outcome.limits) / len(outcome.limits) <= 2 * PRESET


def a_sample(seconds: float = 8.0) -> tuple[float, ...]:
    return (seconds,) * imports_limit.SAMPLES


def ready(**changes: object) -> ImportsLimit:
    return replace(ImportsLimit(seconds=a_sample()), **changes)  # type: ignore[arg-type]


def tried(state: ImportsLimit, per_second: float = 17.0) -> ImportsLimit:
    return imports_limit.tried(state, PRESET, per_second, START)


def ended(state: ImportsLimit, *imports: Ended, after: timedelta = timedelta()) -> ImportsLimit:
    return imports_limit.ended(state, PRESET, imports, START + after)


def test_a_new_limit_is_the_preset() -> None:
    assert imports_limit.limit_of(ImportsLimit(), PRESET) == PRESET
    assert imports_limit.allowed(ImportsLimit(), PRESET) == PRESET


def test_nothing_is_tried_before_enough_imports_have_ended() -> None:
    few = replace(ImportsLimit(), seconds=a_sample()[1:])
    assert tried(few) == few


def test_a_trial_allows_more_until_they_have_been_in_progress() -> None:
    state = tried(ready())
    assert imports_limit.allowed(state, PRESET) == 62
    state = imports_limit.begun(state, PRESET, [51, 52])
    assert imports_limit.allowed(state, PRESET) == 62
    state = imports_limit.begun(state, PRESET, range(53, 63))
    assert imports_limit.allowed(state, PRESET) == PRESET
    assert state.trial is not None
    assert state.trial.begun == 12


def test_the_limit_never_exceeds_what_the_pace_can_fill() -> None:
    assert tried(ready(), per_second=5.0).trial == Trial(60, START)
    assert tried(ready(), per_second=4.0).trial is None


def test_a_trial_whose_imports_are_all_indexed_becomes_the_limit() -> None:
    state = ready(trial=Trial(62, START, is_reached=True, begun=2))
    state = ended(state, Ended(51, 8.0, True))
    assert imports_limit.limit_of(state, PRESET) == PRESET
    state = ended(state, Ended(62, 8.0, True))
    assert imports_limit.limit_of(state, PRESET) == 62


def test_a_few_bad_files_do_not_end_a_trial_and_more_do() -> None:
    state = ready(trial=Trial(62, START, is_reached=True, begun=12))
    state = ended(state, Ended(55, 8.0, False), Ended(55, 8.0, False))
    assert state.cut is None
    state = ended(state, Ended(56, 8.0, False))
    assert state.cut == Cut(PRESET, PRESET, PRESET, START, START)
    assert state.trial is None


def test_a_suspect_that_is_indexed_condemns_the_size_at_which_it_failed() -> None:
    state = ready(limit=100, cut=Cut(100, 100, 100, START, START))
    state = ended(state, Ended(30, 8.0, True, 120, START))
    assert state.harmful == 120
    assert imports_limit.limit_of(state, PRESET) == 100
    assert tried(replace(state, seconds=a_sample())).trial is None
    later = imports_limit.tried(
        replace(state, seconds=a_sample()), PRESET, 17.0, START + imports_limit.REST
    )
    assert later.trial == Trial(125, START + imports_limit.REST)


def test_a_limit_that_is_harmful_itself_is_given_up() -> None:
    state = ended(
        ready(limit=100, cut=Cut(100, PRESET, PRESET, START, START)),
        Ended(30, 8.0, True, 90, START),
    )
    assert imports_limit.limit_of(state, PRESET) == PRESET


def test_of_a_trial_that_failed_only_its_own_suspects_tell() -> None:
    state = ready(limit=100, cut=Cut(100, 100, 100, START, START))
    assert ended(state, *[Ended(30, 8.0, False, 90, START)] * 9) == state
    assert ended(state, Ended(30, 8.0, True, 101, START)).harmful == 101


def test_suspects_that_fail_again_acquit_the_size() -> None:
    state = ready(limit=100, cut=Cut(100, PRESET, PRESET, START, START))
    again = Ended(30, 8.0, False, 120, START)
    state = ended(state, again, again)
    assert imports_limit.limit_of(state, PRESET) == PRESET
    state = ended(state, again)
    assert imports_limit.limit_of(state, PRESET) == 100
    assert state.harmful is None


def test_many_failures_at_a_limit_that_went_well_cut_it() -> None:
    state = ready(limit=100)
    failed = [Ended(90, 8.0, False)] * (imports_limit.MANY_FAILED - 1)
    state = ended(state, *failed)
    assert state.cut is None
    began = START - timedelta(seconds=8)
    assert ended(state, failed[0]).cut == Cut(100, PRESET, PRESET, began, START)


def test_failures_at_or_below_the_preset_tell_nothing() -> None:
    failed = [Ended(PRESET, 8.0, False)] * 100
    assert ended(ready(limit=100), *failed) == ready(limit=100)


def test_what_is_never_decided_is_dropped() -> None:
    late = imports_limit.PATIENCE + timedelta(seconds=1)
    assert ended(ready(trial=Trial(62, START)), after=late).trial is None
    state = ended(ready(cut=Cut(100, PRESET, PRESET, START, START)), after=late)
    assert (state.cut, state.limit) == (None, 100)


def test_a_larger_limit_with_which_imports_end_no_faster_is_given_up() -> None:
    state = ImportsLimit(limit=75, before=50, speed_before=50 / 8)
    slower = [Ended(75, 8.0 * 75 / 50, True)] * imports_limit.SAMPLES
    state = ended(state, *slower)
    assert imports_limit.limit_of(state, PRESET) == 50
    assert state.rest_until == START + imports_limit.REST


def test_a_larger_limit_with_which_imports_end_faster_is_kept() -> None:
    state = ImportsLimit(limit=75, before=50, speed_before=50 / 8)
    state = ended(state, *[Ended(75, 8.0, True)] * imports_limit.SAMPLES)
    assert imports_limit.limit_of(state, PRESET) == 75
    assert state.before is None
