"""One run: a whole deployment on the in-memory twins, first with a seed's faults, then without."""

from __future__ import annotations

import logging
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from shared.domain.batch.batch import Batch, BatchStatus, SyncMode
from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.deployment import Deployment as Belonging
from shared.domain.deployment.rules import Rules
from shared.domain.errors import LostLease, SyncError
from shared.domain.throttle import holds
from shared.domain.throttle.holds import Hold
from shared.gateways.database.codec import MalformedRecord
from shared.gateways.database.records import DEPLOYMENT, HOLD, batch_path
from shared.gateways.ports import QueueName, Task
from shared.services.batch.control import ControlBatch
from shared.services.batch.start import StartSync
from shared.services.batch.supervise import Supervise
from shared.services.scan.scan_bucket import ScanBucket
from shared.services.task_payload import InvalidTask
from shared.services.worker.advance_file import AdvanceFile
from tests.simulation.checks.invariants import Invariants, Violation
from tests.simulation.checks.outcome import Outcome, check_differences, check_quiet_batch
from tests.simulation.faults.gate import FaultyGate
from tests.simulation.faults.trouble import Fault, Trouble
from tests.simulation.trace import Entry, lines
from tests.simulation.world.damage import SHARE, damage
from tests.simulation.world.day_limits import DayLimits
from tests.simulation.world.deployment import Deployment
from tests.simulation.world.library import MAX_FILES, Library
from tests.simulation.world.people import NEW_STORE, REPLACING, People
from tests.simulation.world.roles import Role
from tests.simulation.world.rules import DISPATCH_DEADLINE, rules_of
from tests.simulation.world.shortcuts import shortcuts
from tests.simulation.world.stage import Actor
from tests.twins import gemini as gemini_twin
from tests.world import changed_rules

COUNTS_LAG = (*(timedelta(0),) * 5, timedelta(minutes=2), timedelta(minutes=10))
"""How long the stores' counts may lag behind new documents; in most runs they don't."""

MAX_POINTS = 400
"""Scheduling points with faults; after them no more faults occur."""

QUIET_BOUND = timedelta(hours=8)
"""Without faults a batch is over within this time: a multiple of every wait in the rules."""

RAW_FILE_LIFE = timedelta(hours=50)
"""After this time every raw file begun before has expired."""

MOST_DAYS = 5
"""Days that a sync without faults may take if the tier has a daily quota."""

MOST_LIMITED_DAYS = 80
"""Days that it may take if a day's cost is limited: some allow one import, which may fail."""

ACKNOWLEDGED = (LostLease, InvalidTask)
"""Errors to which the functions answer 200: the task is not retried."""

TRACE = 4000

Happening = tuple[datetime, Callable[[], None]]


class Simulation(Deployment):
    """One seed's run; ``run`` raises ``Violation`` if an invariant is broken.

    Attributes:
        seed: Determines the whole run.
        trouble: The faults that may occur.
        library: The bucket's files and what happens to them.
        people: What people do meanwhile.
        gate: Injects the faults.
        in_trouble: Whether faults may occur now.
        raw_files_expire_soon: Whether a long wait may cost an upload.
        is_meddled_with: Whether documents were deleted by hand, so counts may agree by chance.
    """

    def __init__(self, seed: int, *, points: int = MAX_POINTS) -> None:
        self.seed = seed
        self.trouble = Trouble.of(chance := Random(seed))  # noqa: S311 - chance that repeats
        super().__init__(rules_of(chance), chance)
        self.gemini.counts_lag = Random(f"lag {seed}").choice(COUNTS_LAG)  # noqa: S311 - as above
        locks = Random(f"locks of {seed}")  # noqa: S311 - as above
        self.library = Library(self.bucket, chance, self.stage, locks)
        self.gate = FaultyGate(self)
        self.invariants = Invariants(self)
        self.day_limits = DayLimits(self)
        self.in_trouble = False
        self.raw_files_expire_soon = chance.random() < 0.2
        self.is_meddled_with = False
        self.roles: dict[Actor, Role] = {}
        self.trace: deque[Entry] = deque(maxlen=TRACE)
        self._inline_role: Role | None = None
        self._max_points = points
        self._tries: Counter[tuple[str, str]] = Counter()
        self._happenings: list[Happening] = []
        self._next_tick = self.stage.now()
        self.people = People(self)
        self.deploy(self.rules)

    def deploy(self, rules: Rules) -> None:
        """Use these rules for new calls of the functions; running ones keep the old rules."""
        self.rules = rules
        self.plain = replace(self.plain, rules=rules)
        context = self.gated(self.gate)
        self.start_sync = StartSync(context)
        self.scan = ScanBucket(context)
        self.supervise = Supervise(context)
        self.control = ControlBatch(context)
        self.advance = AdvanceFile(context)

    # --- the play ---------------------------------------------------------------------------

    def run(self) -> None:
        """Play the whole run. Raises ``Violation``."""
        with self._reproducibly():
            try:
                self._play()
            finally:
                self.stage.clear()

    def _play(self) -> None:
        self.library.fill()
        self.day_limits.begin()
        if self.chance.random() < 0.5:
            self._quiet_sync()
            for _ in range(self.chance.randint(1, 4)):
                self.library.edit()
            self.library.plant_foreign_documents(self.store_name(), self.gemini, self.plain)
            if self.chance.random() < 0.1:
                self.lose_records()
                self.day_limits.forget()
            self._damage()
        self._trouble()
        self._peace()
        if self.chance.random() < 0.5:
            self.stage.advance_to(self.stage.now() + RAW_FILE_LIFE)
            self.raw_files_expire_soon = True
        self._wait_out_hold()
        self.library.unlock()
        self.stage.advance_to(max([self.stage.now(), *self.gate.broken.values()]))
        self._quiet_sync()
        Outcome(self).check()

    def _damage(self) -> None:
        """Damage the database; the last sync then lists the store, as it may not be noticed."""
        chance = Random(f"damage of {self.seed}")  # noqa: S311 - chance that repeats
        if chance.random() < SHARE:
            self.is_meddled_with = True
            for path in damage(self.documents, chance):
                self.note("--", f"{path} is damaged", None)

    @contextmanager
    def _reproducibly(self) -> Iterator[None]:
        """Take tenacity's jitter from the seed as well."""
        state, life, page = random.getstate(), gemini_twin.FILE_LIFE, gemini_twin.PAGE_SIZE
        random.seed(self.seed)
        if self.raw_files_expire_soon:
            gemini_twin.FILE_LIFE = timedelta(minutes=10)
        gemini_twin.PAGE_SIZE = 3
        logging.disable()
        try:
            with shortcuts():
                yield
        finally:
            gemini_twin.FILE_LIFE, gemini_twin.PAGE_SIZE = life, page
            random.setstate(state)
            logging.disable(logging.NOTSET)

    def _trouble(self) -> None:
        self.in_trouble = True
        self._next_tick = self.stage.now() + timedelta(seconds=self.chance.randint(0, 59))
        plans = self.people.plans()
        while self.gate.points < self._max_points:
            if plans and (plans[0][0] <= self.gate.points or self._is_idle()):
                plans.pop(0)[1]()
            elif not plans and self._is_idle():
                break
            else:
                self._step()
        self.in_trouble = False
        self.gate.end_windows()
        self.note("--", "peace", None)

    def _peace(self) -> None:
        """End all faults, and check that everything begun ends within a bound."""
        end = self.stage.now() + QUIET_BOUND
        while not self._is_idle():
            if self.stage.now() > end:
                raise Violation("no_wait_without_deadline", self._unfinished())
            if paused := self.paused_batch():
                self.control.resume(paused)
            self._step()

    def _quiet_sync(self) -> None:
        """Sync without faults, on as many days as the daily quota requires."""
        batch = self._sync_in_peace()
        for _ in range(MOST_LIMITED_DAYS if self.day_limits.are_in_force else MOST_DAYS):
            if batch.refusal is not None:  # people look, and allow what the guard names
                batch = self._sync_in_peace(max_deletes=MAX_FILES)
            refused = batch.status is BatchStatus.REFUSED and self._is_to_move()
            deferred = batch.status is BatchStatus.DEFERRED and self._wait_out_hold(batch)
            if refused:
                self._finish_first()
            if refused or deferred:
                batch = self._sync_in_peace()
        check_quiet_batch(batch)
        check_differences(self, batch)

    def _sync_in_peace(self, max_deletes: int | None = None) -> Batch:
        request = SyncRequest(max_deletes=max_deletes)
        if self.is_store_gone():
            request = REPLACING
        elif self._is_to_move():
            request = NEW_STORE
        elif self.is_meddled_with:
            request = SyncRequest(mode=SyncMode.RECONCILE)
        batch = self.start_sync(request)
        self._peace()
        return self.records.get(Batch, batch_path(batch.batch_id)).present

    def _is_to_move(self) -> bool:
        """Whether the settings name another store than the records."""
        known = self.records.get(Belonging, DEPLOYMENT).record
        return known is not None and known.store_name != self.rules.settings.store_name

    def _finish_first(self) -> None:
        """Files are still processed for the old store: set its name back, and sync."""
        wanted, known = self.rules, self.records.get(Belonging, DEPLOYMENT).present
        self.deploy(changed_rules(wanted, store_display_name=known.store_name))
        for _ in range(MOST_LIMITED_DAYS):
            batch = self._sync_in_peace()
            if not (self._wait_out_hold(batch) and batch.status is BatchStatus.DEFERRED):
                break
        self.deploy(wanted)

    def _wait_out_hold(self, batch: Batch | None = None) -> bool:
        """Let the time of a hold pass, if one is in force or the batch ended with one."""
        if batch is not None and batch.hold_until is not None:
            self.stage.advance_to(max(batch.hold_until, self.stage.now()))
            return True
        standing = holds.in_force(self.records.get(Hold, HOLD).record, self.stage.now())
        if standing is not None:
            self.stage.advance_to(standing.hold_until)
        return standing is not None

    def _is_idle(self) -> bool:
        return (
            not self.lease_is_held()
            and not self.stage.actors
            and not self._happenings
            and self.queues.next_due() is None
        )

    def _unfinished(self) -> str:
        return (
            f"not over after {QUIET_BOUND}: batch {self.running_batch()}, "
            f"{len(self.stage.actors)} actors, tasks {self.queues.waiting}"
        )

    # --- scheduling ------------------------------------------------------------------------

    def _step(self) -> None:
        """Let one event happen, advancing the clock if none can happen now."""
        now = self.stage.now()
        ready: list[tuple[datetime, Callable[[], None]]] = []
        later: list[datetime] = []

        def offer(at: datetime, act: Callable[[], None]) -> None:
            if at <= now:
                ready.append((at, act))
            else:
                later.append(at)

        for actor in self.stage.actors:
            offer(actor.wake_at, partial(self._resume, actor))
        for happening in self._happenings:
            offer(happening[0], partial(self._happen, happening))
        for task in self.queues.due(now):
            offer(min(task.at or now, now), partial(self._deliver, task))
        if self.in_trouble or self.lease_is_held():
            offer(self._next_tick, self._tick)
        if not ready:
            due = self.queues.next_due()
            self.stage.advance_to(min(later if due is None else [due, *later]))
        elif self.in_trouble:
            self.chance.choice(ready)[1]()
        else:
            min(ready, key=lambda entry: entry[0])[1]()

    def _happen(self, happening: Happening) -> None:
        self._happenings.remove(happening)
        happening[1]()

    def happen_in(self, delay: timedelta, act: Callable[[], None]) -> None:
        """Call ``effect`` later, whatever happens to the actors."""
        self._happenings.append((self.stage.now() + delay, act))

    # --- actors -----------------------------------------------------------------------------

    def perform_as(self, role: Role, work: Callable[[], object]) -> None:
        """Start an actor; without faults it runs to its end at once."""
        if self.in_trouble:
            actor = self.stage.spawn(role.kind, work)
            self.roles[actor] = role
            self._resume(actor)
            return
        self._inline_role = role
        error: BaseException | None = None
        try:
            work()
        except Violation:
            raise
        except Exception as failure:  # noqa: BLE001 - it is judged below
            error = failure
        finally:
            self._inline_role = None
        self._settle(role, error, crashed=False)

    def _resume(self, actor: Actor) -> None:
        self.stage.resume(actor)
        if actor.finished:
            role = self.roles.pop(actor)
            if actor.error is not None or actor.crashed:
                self.note(actor.name, "ended", actor.error or "crashed")
            self._settle(role, actor.error, crashed=actor.crashed)

    def role(self) -> Role | None:
        """The role of the current actor, if any."""
        current = self.stage.current
        return self.roles.get(current) if current is not None else self._inline_role

    def who(self) -> str:
        """The name of the current actor."""
        current = self.stage.current
        if current is not None:
            return current.name
        return self._inline_role.kind if self._inline_role else "-"

    def _settle(self, role: Role, error: BaseException | None, *, crashed: bool) -> None:
        """Handle an actor's end as its caller does."""
        if error is not None and not _is_expected(error):
            if isinstance(error, Violation):
                raise error
            raise Violation("no_defect_raised", f"{type(error).__name__}: {error}") from error
        task = role.task
        if task is None or not self.queues.exists(task.queue, task.id):
            return
        key = (task.queue.value, task.id)
        if crashed or (error is not None and not isinstance(error, ACKNOWLEDGED)):
            self._tries[key] += 1
            wait = min(10 * 2 ** self._tries[key], 300)
            self.queues.retry_later(task, self.stage.now() + timedelta(seconds=wait))
        elif self.stage.now() <= role.deadline and not self._strikes(Fault.LOST_ANSWER):
            self.queues.acknowledge(task)

    # --- deliveries, ticks ------------------------------------------------------------------

    def _deliver(self, task: Task) -> None:
        now = self.stage.now()
        if self._strikes(Fault.LOST_TASK):
            self.note("--", f"lost task {task.path} {dict(task.payload)}", None)
            self.queues.acknowledge(task)
            return
        paused_until = self.gate.windows.get(Fault.QUEUE_PAUSED, now)
        if task.queue is QueueName.UPLOADS and now < paused_until:
            self.queues.retry_later(task, paused_until)
            return
        if self._strikes(Fault.LATE):
            late = timedelta(seconds=self.chance.choice((1, 4, 10, 30, 75, 120, 400)))
            self.queues.retry_later(task, now + late)
            return
        again = now + DISPATCH_DEADLINE + timedelta(seconds=10)
        if self._strikes(Fault.DUPLICATE):
            again = now + timedelta(seconds=self.chance.choice((0, 0, 1, 30)))
        self.queues.retry_later(task, again)
        kinds = {"/step": "step", "/control/scan": "scan", "/control/supervise": "supervise"}
        handlers: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "/step": self.advance,
            "/control/scan": self.scan,
            "/control/supervise": lambda _: self.supervise(),
        }
        role = Role(kinds[task.path], now + DISPATCH_DEADLINE, task)
        self.perform_as(role, lambda: handlers[task.path](task.payload))

    def _tick(self) -> None:
        self._next_tick = self.stage.now() + self.rules.tick
        if self._strikes(Fault.MISSED_TICK):
            return
        for _ in range(2 if self._strikes(Fault.EXTRA_TICK) else 1):
            role = Role("supervise", self.stage.now() + DISPATCH_DEADLINE)
            self.perform_as(role, self.supervise)

    def _strikes(self, fault: Fault) -> bool:
        return (
            self.in_trouble
            and fault in self.trouble.kinds
            and self.chance.random() < self.trouble.delivery_rate
        )

    # --- the story --------------------------------------------------------------------------

    def note(self, who: str, what: object, outcome: object) -> None:
        """Add a step to the trace."""
        self.trace.append((self.stage.now(), who, what, outcome))

    def story(self, *, reads: bool = False) -> list[str]:
        """The steps of the run that are kept, as readable lines."""
        return lines(self.trace, self.library.names, reads=reads)


def replayed(seed: int) -> Simulation:
    """Play one seed; if it fails, add to the error how to replay it and how it ended."""
    simulation = Simulation(seed)
    try:
        simulation.run()
    except Violation as violation:
        violation.add_note(f"replay: python -m tests.simulation {seed}")
        violation.add_note("\n".join(simulation.story()[-60:]))
        raise
    return simulation


def _is_expected(error: BaseException) -> bool:
    """Whether a caller may get this error; any other is a defect of the code."""
    return isinstance(error, SyncError) and not isinstance(error, MalformedRecord)
