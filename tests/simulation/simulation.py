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

from shared.domain.deployment.rules import Rules
from shared.domain.errors import InvalidTask, LostLease, SyncError
from shared.gateways.database.codec import MalformedRecord
from shared.gateways.ports import Chunking, QueueName, Task
from shared.services.batch.ask_sync import AskSync
from shared.services.batch.control import ControlBatch
from shared.services.batch.start import StartSync
from shared.services.batch.supervise import Supervise
from shared.services.looks import poller
from shared.services.looks.poller import Poller
from shared.services.scan.scan_bucket import ScanBucket
from shared.services.worker.advance_file import AdvanceFile
from tests.simulation.checks.invariants import Invariants
from tests.simulation.checks.violation import Violation
from tests.simulation.faults.gate import FaultyGate
from tests.simulation.faults.trouble import Fault, Trouble
from tests.simulation.quiet_syncs import QuietSyncs
from tests.simulation.trace import Entry, lines
from tests.simulation.world.damage import SHARE, damage
from tests.simulation.world.day_limits import DayLimits
from tests.simulation.world.deployment import Deployment
from tests.simulation.world.library import Library
from tests.simulation.world.neighbour import Neighbour
from tests.simulation.world.notifications import Notifications
from tests.simulation.world.people import People
from tests.simulation.world.roles import Role
from tests.simulation.world.rules import (
    DISPATCH_DEADLINE,
    IMPORTS_BOUNDS,
    LARGE_EVERY,
    is_large,
    rules_of,
)
from tests.simulation.world.settings_changes import SettingsChanges
from tests.simulation.world.shortcuts import shortcuts
from tests.simulation.world.stage import Actor
from tests.simulation.world.storage import Storage
from tests.simulation.world.upkeep import Upkeep
from tests.twins import gemini as gemini_twin

COUNTS_LAG = (*(timedelta(0),) * 5, timedelta(minutes=2), timedelta(minutes=10))
"""How long the stores' counts may lag behind new documents; in most runs they don't."""

MAX_POINTS = 400
"""Scheduling points with faults; after them no more faults occur."""

LARGE_PAGE = 20
"""Documents on a page of a store's listing in a large run, as the service has it; in others 3."""

RAW_FILE_LIFE = timedelta(hours=50)
"""After this time every raw file begun before has expired."""

ACKNOWLEDGED = (LostLease, InvalidTask)
"""Errors to which the functions answer 200: the task is not retried."""

INSTANCES = 2
"""Instances of each function that share its calls, in the runs in which they die with all calls."""

TRACE = 4000

Happening = tuple[datetime, Callable[[], None]]


class Simulation(Deployment):
    """One seed's run; ``run`` raises ``Violation`` if an invariant is broken.

    Attributes:
        seed: Determines the whole run.
        trouble: The faults that may occur.
        library: The bucket's files and what happens to them.
        people: What people do meanwhile.
        settings_changes, neighbour, storage, upkeep: What else changes meanwhile.
        notifications: What the bucket tells meanwhile.
        is_large: Whether there are so many files that every limit of the code is crossed.
        quiet: Plays syncs without faults, and judges the run after them.
        gate: Injects the faults.
        in_trouble: Whether faults may occur now.
        raw_files_expire_soon: Whether a long wait may cost an upload.
        is_damaged: Whether records were lost or malformed.
        is_meddled_with: Whether documents were deleted by hand, so counts may agree by chance.
    """

    def __init__(self, seed: int, *, points: int = MAX_POINTS) -> None:
        self.seed = seed
        self.trouble = Trouble.of(chance := Random(seed))  # noqa: S311 - chance that repeats
        self.is_large = is_large(seed)
        super().__init__(rules_of(chance, large=self.is_large), chance)
        if self.is_large:
            self.gemini.imports_bound = IMPORTS_BOUNDS[seed // LARGE_EVERY % len(IMPORTS_BOUNDS)]
        self.gemini.counts_lag = Random(f"lag {seed}").choice(COUNTS_LAG)  # noqa: S311 - as above
        locks = Random(f"locks of {seed}")  # noqa: S311 - as above
        self.library = Library(self.bucket, chance, self.stage, locks, large=self.is_large)
        self.gate = FaultyGate(self)
        self.quiet = QuietSyncs(self)
        self.invariants = Invariants(self)
        self.day_limits = DayLimits(self)
        self.settings_changes = SettingsChanges(self)
        self.neighbour = Neighbour(self)
        self.storage = Storage(self)
        self.upkeep = Upkeep(self)
        self.notifications = Notifications(self)
        self.in_trouble = False
        self.raw_files_expire_soon = chance.random() < 0.2
        self.is_meddled_with = False
        self.is_damaged = False
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
        most, overlap = rules.settings.chunk_max_tokens, rules.settings.chunk_overlap_tokens
        chunking = Chunking(most, overlap) if most else None
        self.plain = replace(self.plain, rules=rules, chunking=chunking)
        context = self.gated(self.gate)
        self.start_sync = StartSync(context)
        self.scan = ScanBucket(context)
        self.supervise = Supervise(context)
        self.control = ControlBatch(context)
        self.ask_sync = AskSync(context)
        self.advance = AdvanceFile(context)
        self.look = Poller(context)

    # --- the play ---------------------------------------------------------------------------

    def run(self) -> None:
        """Play the whole run. Raises ``Violation``."""
        with self._reproducibly():
            try:
                self._play()
            finally:
                self.stage.clear()

    def _play(self) -> None:
        chance = self.chance
        self.library.fill()
        self.day_limits.begin()
        self.storage.begin()
        if chance.random() < 0.5:
            self.quiet.sync()
            if chance.random() < 0.15:
                self.upkeep.wait_for_expiry()
            for _ in range(chance.randint(1, 4)):
                self.library.edit()
            self.neighbour.settle()
            if chance.random() < (0.3 if self.is_large else 0.1):
                self.upkeep.lose_everything()
                self.day_limits.forget()
            self._damage()
        self.storage.fill()
        self._trouble()
        self.storage.make_room()
        self.quiet.peace()
        self.notifications.answered()
        self._wait()
        self.quiet.judged()
        if chance.random() < 0.4:
            self.quiet.judged_again()

    def _wait(self) -> None:
        """Let time pass until nothing that the faults left behind is in the way."""
        stage, long = self.stage, self.chance.random()
        if long < 0.5:
            stage.advance_to(stage.now() + RAW_FILE_LIFE)
            self.raw_files_expire_soon = True
        if long < 0.1:
            self.upkeep.wait_for_expiry()
        self.quiet.wait_out_hold()
        self.library.unlock()
        stage.advance_to(max([stage.now(), *self.gate.broken.values()]))

    def _damage(self) -> None:
        """Damage the database; the last sync then lists the store, as it may not be noticed."""
        chance = Random(f"damage of {self.seed}")  # noqa: S311 - chance that repeats
        if chance.random() < SHARE:
            self.is_meddled_with = self.is_damaged = True
            for path in damage(self.documents, chance):
                self.note("--", f"{path} is damaged", None)

    @contextmanager
    def _reproducibly(self) -> Iterator[None]:
        """Take tenacity's jitter from the seed as well."""
        state, life, page = random.getstate(), gemini_twin.FILE_LIFE, gemini_twin.PAGE_SIZE
        few, most = poller.FEW, poller.MOST_FILES
        sizes = Random(f"looks of {self.seed}")  # noqa: S311 - chance that repeats
        if not self.is_large:
            poller.FEW, poller.MOST_FILES = sizes.choice((0, 2, few)), sizes.choice((2, most))
        random.seed(self.seed)
        if self.raw_files_expire_soon:
            gemini_twin.FILE_LIFE = timedelta(minutes=10)
        gemini_twin.PAGE_SIZE = LARGE_PAGE if self.is_large else 3
        logging.disable()
        try:
            with shortcuts():
                yield
        finally:
            gemini_twin.FILE_LIFE, gemini_twin.PAGE_SIZE = life, page
            poller.FEW, poller.MOST_FILES = few, most
            random.setstate(state)
            logging.disable(logging.NOTSET)

    def _trouble(self) -> None:
        self.in_trouble = True
        self._next_tick = self.stage.now() + timedelta(seconds=self.chance.randint(0, 59))
        plans = self._plans()
        while self.gate.points < self._max_points:
            if plans and (plans[0][0] <= self.gate.points or self.is_idle()):
                plans.pop(0)[1]()
            elif not plans and self.is_idle():
                break
            else:
                self.step()
        self.in_trouble = False
        self.gate.end_windows()
        self.note("--", "peace", None)

    def _plans(self) -> list[tuple[int, Callable[[], None]]]:
        """What happens at which scheduling point, in order."""
        sources = (
            self.people,
            self.day_limits,
            self.settings_changes,
            self.neighbour,
            self.storage,
            self.upkeep,
            self.notifications,
        )
        plans = [plan for source in sources for plan in source.plans()]
        return sorted(plans, key=lambda plan: plan[0])

    def is_idle(self) -> bool:
        """Whether nothing is running and nothing is due."""
        return (
            not self.lease_is_held()
            and not self.stage.actors
            and not self._happenings
            and self.queues.next_due() is None
        )

    def unfinished(self) -> str:
        """What keeps the run from being idle."""
        return (
            f"not over in time: batch {self.running_batch()}, "
            f"{len(self.stage.actors)} actors, tasks {self.queues.waiting}"
        )

    # --- scheduling ------------------------------------------------------------------------

    def step(self) -> None:
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
        """Start an actor; without faults it runs to its end at once, except in a large run.

        There many deliveries wait for their starts at the same time; one by one they would be late.
        """
        if self.in_trouble or self.is_large:
            if Fault.MANY_DIE in self.trouble.kinds:
                role.instance = self.chance.randint(1, INSTANCES)
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
        if error is None and not crashed:
            self.invariants.pace.ended(role)
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
        kinds = {
            "/step": "step",
            "/looks": "look",
            "/control/scan": "scan",
            "/control/supervise": "supervise",
        }
        handlers: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
            "/step": self.advance,
            "/looks": self.look,
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
