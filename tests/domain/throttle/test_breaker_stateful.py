"""Calls start, end, overlap and come late; a breaker written for plainness alone is the judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from shared.domain.throttle.breaker import (
    Permit,
    Proceed,
    admit,
    is_stale,
    on_other_error,
    on_server_error,
    on_success,
    on_throttled,
    on_tick,
    on_unmetered_throttled,
    slowdown,
)
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.breaker_state import BreakerState
from shared.domain.throttle.breaker_window import EntryOutcome, WindowEntry, window_entry

POLICY = BreakerPolicy(
    window_size=8,
    throttle_threshold=3,
    consecutive_threshold=2,
    cooldown=timedelta(seconds=100),
    cooldown_cap=timedelta(seconds=300),
    default_hold=timedelta(seconds=10),
    half_open_probes=2,
    permit_lifetime=timedelta(seconds=60),
    factor_cut=0.5,
    factor_floor=0.25,
    trial_time=timedelta(seconds=10),
    trial_calls=3,
    trial_pause_cap=timedelta(seconds=300),
    least_step=0.05,
    factor_growth=1.5,
    storm_threshold=3,
    storm_span=timedelta(seconds=30),
)
PRESET_RATE = 1.0


@dataclass
class PlainBreaker:
    """The same rules in whole seconds and mutable fields; ``log`` is oldest first."""

    mode: str = "closed"
    era: int = 0
    openings: int = 0
    cooldown_end: int = 0
    hold_end: int = 0
    hold: int = 0
    factor: float = 1.0
    settled: float = 1.0
    refused: float | None = None
    failed: int = 0
    changed: int = -1_000_000
    cut_at: int = -1_000_000
    opened: int = -1_000_000
    probes: dict[str, int] = field(default_factory=dict)
    good: int = 0
    faults: list[int] = field(default_factory=list)
    log: list[tuple[int, int, str]] = field(default_factory=list)

    def enter(self, mode: str, now: int) -> None:
        self.mode = mode
        self.changed = now
        self.era += 1
        self.probes, self.good, self.faults = {}, 0, []

    def trip(self, now: int, wish: int) -> None:
        self.enter("open", now)
        self.cooldown_end = now + max([100, 200, 300][min(self.openings, 2)], wish)
        self.openings += 1
        self.opened = now
        self.hold = wish or 10
        self.hold_end = max(self.hold_end, now + self.hold)

    def counts(self, era: int, probe: str, now: int) -> bool:
        return era == self.era and (not probe or self.probes.get(probe, now) > now)

    def asks(self, name: str, now: int) -> bool:
        if now < self.hold_end:
            return False
        if self.mode == "open" and now >= self.cooldown_end:
            self.enter("half_open", now)
        if self.mode != "half_open":
            return True
        live = {probe: end for probe, end in self.probes.items() if end > now}
        if len(live) + self.good >= 2:
            return False
        self.probes = {**live, name: now + 60}
        return True

    def succeeds(self, probe: str, now: int) -> None:
        if probe:
            del self.probes[probe]
            self.good += 1
            if self.good == 2:
                self.enter("closed", now)
                self.openings = 0

    def set_factor(self, factor: float, now: int) -> None:
        self.factor = round(min(max(factor, 0.25), 1.0), 4)
        self.changed = now

    def cut(self, now: int) -> None:
        self.refused, self.failed = self.factor, 0
        self.set_factor(self.factor / 2, now)
        self.settled, self.cut_at = self.factor, now

    def falls_back(self, now: int) -> None:
        self.refused = self.factor
        self.failed += 1
        self.set_factor(self.settled, now)
        self.cut_at = now

    def settles(self) -> None:
        self.settled = self.factor
        if self.refused is None or self.factor >= self.refused:
            self.refused, self.failed = None, 0

    def of_this_factor(self) -> list[tuple[int, str]]:
        latest = [each for each in self.log[-8:] if each[1] == self.era]
        return [(when, what) for when, _, what in latest if when > self.changed]

    def outcomes(self) -> str:
        return "".join(what for _, era, what in self.log[-8:] if era == self.era)

    def is_throttled(self, now: int, wish: int) -> None:
        outcomes = self.outcomes()
        throttled = outcomes.count("t")
        if self.mode == "half_open":
            self.cut(now)
            self.trip(now, wish)
        elif self.mode == "closed" and (throttled >= 3 or outcomes.endswith("tt")):
            self.learns(now)
            self.trip(now, wish)
        else:
            hold = wish or 10
            if self.mode == "open":
                if [what for *_, what in self.log[-2:]] == ["t", "t"]:
                    hold = max(wish, min(2 * self.hold, self.cooldown_end - now))
                if throttled >= 3 and 3 * throttled >= len(outcomes) and self.cut_at <= self.opened:
                    self.cut(now)
            elif self.factor > self.settled and "t" in [w for _, w in self.of_this_factor()]:
                self.falls_back(now)
            self.holds(now, hold, wish)

    def learns(self, now: int) -> None:
        latest = self.outcomes()
        trickle = [what for _, era, what in self.log[-8:] if era == self.era - 2]
        often, seldom = latest.count("t"), trickle.count("t")
        alike = 2 * seldom * len(latest) >= often * len(trickle)
        if trickle and alike and 3 * often < len(latest):
            self.set_factor(1.0, now)
            self.settles()
        elif self.factor > self.settled:
            self.falls_back(now)
        elif now - self.cut_at >= 100:
            self.cut(now)

    def holds(self, now: int, hold: int, wish: int) -> None:
        if now >= self.hold_end:
            self.hold, self.hold_end = hold, now + hold
        elif now + wish > self.hold_end:
            self.hold, self.hold_end = wish, now + wish

    def has_server_error(self, probe: str, now: int) -> None:
        if self.mode == "open":
            return
        self.probes.pop(probe, None)
        since = max([now - 30, *(when for when, *_, what in self.log if what == "s")])
        self.faults = [when for when in self.faults if when > since]
        if now not in self.faults:
            self.faults.append(now)
        if len(self.faults) == 3:
            self.trip(now, 0)

    def ticks(self, now: int) -> None:
        if self.mode == "open" and now >= self.cooldown_end:
            self.enter("half_open", now)
        elif self.mode == "half_open":
            self.probes = {probe: end for probe, end in self.probes.items() if end > now}
        elif self.mode == "closed":
            self.tries_more(now)

    def tries_more(self, now: int) -> None:
        on_trial = self.factor > self.settled
        if self.factor == 1 and not on_trial:
            return
        pause = [0, 200, 300][min(self.failed, 2)]
        if now < self.changed + 10 or (not on_trial and now < self.cut_at + pause):
            return
        calls = self.of_this_factor()
        since = max([self.changed, *(when for when, what in calls if what == "t")])
        clean = [when for when, _ in calls if when > since]
        if len(clean) == 8:
            since = clean[0]
        elif len(clean) < 3 or now < since + 10:
            return
        if len(clean) < (now - since) * self.factor * 0.5 or self.outcomes().count("t") > 1:
            return
        self.settles()
        if self.refused is None:
            self.set_factor(self.factor * 1.5, now)
        else:
            self.set_factor(max(self.factor + 0.05, (self.factor + self.refused) / 2), now)


class BreakerMachine(RuleBasedStateMachine):
    calls = Bundle("calls")
    polls = Bundle("polls")

    def __init__(self) -> None:
        super().__init__()
        self.second = 0
        self.asked = 0
        self.state = BreakerState()
        self.window: list[WindowEntry] = []
        self.plain = PlainBreaker()

    @property
    def now(self) -> datetime:
        return self.moment(self.second)

    @staticmethod
    def moment(second: int) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=second)

    def write(self, after: BreakerState | None) -> None:
        self.state = after or self.state

    def record(self, outcome: EntryOutcome, permit: Permit) -> None:
        entry = window_entry(
            outcome,
            generation=permit.generation,
            batch_id="b",
            call="import_file",
            now=self.now,
            policy=POLICY,
        )
        self.window.insert(0, entry)
        letter = "t" if outcome is EntryOutcome.THROTTLED else "s"
        self.plain.log.append((self.second, permit.generation, letter))

    def still_counts(self, permit: Permit) -> bool:
        counts = self.plain.counts(permit.generation, permit.probe_id, self.second)
        known = not permit.probe_id or permit.probe_id in self.plain.probes
        assert is_stale(self.state, permit, self.now) is not (counts and known)
        return counts and known

    @rule(seconds=st.sampled_from([1, 1, 2, 5, 11, 30, 60, 100]))
    def time_passes(self, seconds: int) -> None:
        self.second += seconds

    @precondition(lambda self: self.plain.mode == "open")
    @rule()
    def the_cooldown_passes(self) -> None:
        self.second = max(self.second, self.plain.cooldown_end)

    @precondition(lambda self: self.second < self.plain.hold_end)
    @rule()
    def the_hold_passes(self) -> None:
        self.second = self.plain.hold_end

    @rule(target=calls)
    def a_call_asks(self) -> object:
        self.asked += 1
        name = f"p{self.asked}"
        answer = admit(self.state, self.now, name, POLICY)
        assert isinstance(answer, Proceed) == self.plain.asks(name, self.second)
        if not isinstance(answer, Proceed):
            assert answer.until > self.now
            return multiple()
        self.write(answer.state)
        return answer.permit

    @rule(target=polls)
    def a_poll_asks_nobody(self) -> Permit:
        return Permit(self.state.generation)

    @rule(permit=consumes(polls), wish=st.sampled_from([0, 0, 5, 25, 150]))
    def a_poll_is_throttled(self, permit: Permit, wish: int) -> None:
        retry_after = timedelta(seconds=wish) if wish else None
        self.write(
            on_unmetered_throttled(self.state, permit, self.now, POLICY, retry_after=retry_after)
        )
        if self.still_counts(permit):
            self.plain.holds(self.second, wish or 10, wish)

    @rule(permit=consumes(calls))
    def succeeds(self, permit: Permit) -> None:
        counts = self.still_counts(permit)
        self.record(EntryOutcome.SUCCESS, permit)
        self.write(on_success(self.state, permit, self.now, POLICY))
        if counts:
            self.plain.succeeds(permit.probe_id, self.second)

    @rule(count=st.integers(2, 9))
    def many_calls_succeed_one_a_second(self, count: int) -> None:
        for _ in range(count):
            self.time_passes(1)
            permit = self.a_call_asks()
            if isinstance(permit, Permit):
                self.succeeds(permit)

    @rule(permit=consumes(calls), wish=st.sampled_from([0, 0, 5, 25, 150]))
    def is_throttled(self, permit: Permit, wish: int) -> None:
        counts = self.still_counts(permit)
        self.record(EntryOutcome.THROTTLED, permit)
        before = self.state
        retry_after = timedelta(seconds=wish) if wish else None
        self.write(
            on_throttled(self.state, self.window, permit, self.now, POLICY, retry_after=retry_after)
        )
        if counts:
            self.plain.is_throttled(self.second, wish)
        else:
            assert self.state is before
        if before.state == self.state.state == "open":
            assert self.state.cooldown_until == before.cooldown_until

    @rule(permit=st.one_of(consumes(calls), consumes(polls)))
    def meets_a_server_error(self, permit: Permit) -> None:
        counts = self.still_counts(permit)
        self.write(on_server_error(self.state, self.window, permit, self.now, POLICY))
        if counts:
            self.plain.has_server_error(permit.probe_id, self.second)

    @rule(permit=consumes(calls))
    def meets_another_error(self, permit: Permit) -> None:
        counts = self.still_counts(permit)
        self.write(on_other_error(self.state, permit, self.now))
        if counts:
            self.plain.probes.pop(permit.probe_id, None)

    @rule(permit=consumes(calls))
    def is_never_heard_of_again(self, permit: Permit) -> None:
        """The process died; if it was a probe, its permit runs out."""

    @rule()
    def the_supervisor_ticks(self) -> None:
        self.write(on_tick(self.state, self.window, self.now, POLICY, preset_rate=PRESET_RATE))
        self.plain.ticks(self.second)

    @invariant()
    def it_is_where_the_plain_one_is(self) -> None:
        state, plain = self.state, self.plain
        assert (state.state, state.generation) == (plain.mode, plain.era)
        assert state.openings == plain.openings
        assert (state.learned_factor, state.settled_factor) == (plain.factor, plain.settled)
        assert (state.refused_factor, state.failed_trials) == (plain.refused, plain.failed)
        assert state.probe_successes == plain.good
        assert state.permits == {name: self.moment(end) for name, end in plain.probes.items()}
        assert set(state.server_errors) == set(map(self.moment, plain.faults))
        if plain.mode == "open":
            assert state.cooldown_until == self.moment(plain.cooldown_end)
        if self.second < plain.hold_end:
            assert state.hold_until == self.moment(plain.hold_end)

    @invariant()
    def at_most_two_probes_are_out_or_good(self) -> None:
        assert len(self.state.permits) + self.state.probe_successes <= 2

    @invariant()
    def it_never_runs_faster_than_the_preset(self) -> None:
        assert 1 <= slowdown(self.state, POLICY) <= 3 / 0.25


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
