"""The poller: looks after all files whose raw file or import isn't done yet, many in one run.

Its task is named after the time at which it runs, and created by whoever lets a file wait. If it is
lost, or its run dies, the looks become overdue, and the supervisor creates another task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.domain.batch.batch import Batch
from shared.domain.errors import AlreadyExists, Conflict
from shared.domain.file.record import FileRecord
from shared.domain.throttle import unmetered
from shared.domain.throttle.unmetered import Polls
from shared.gateways.database import queries
from shared.gateways.database.records import POLLS, Stored, batch_path
from shared.log_labels import labelled
from shared.services.context import Context, Deadline
from shared.services.looks.group import Group, LookedAt
from shared.services.task_payload import LooksPayload, checked_payload

FEW = 8
"""A run that finds no more files doesn't claim them: looking at them twice costs less."""

MOST_FILES = 64
"""Files that are looked at together: two for each request that is made at the same time."""

CLAIM = timedelta(seconds=45)
"""Length of a run's claim, which is renewed for each group of files; longer than one takes."""

CLOCKS_DIFFER = timedelta(seconds=0.5)
"""Looks due so soon are made as well: the clock that starts the run may be ahead of this one."""


class RunOutcome(StrEnum):
    """The result of a run; each of them acknowledges the task."""

    DONE = "done"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Run:
    """What a run did: BUSY if another one has claimed the looks, or if they are held."""

    outcome: RunOutcome
    looked_at: int = 0


class Poller:
    """Handles a delivery of the poller's task. Repeated and concurrent ones do no harm."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._group = Group(context)

    def __call__(self, payload: Mapping[str, Any]) -> Run:
        """Look at the files that are due, and let the poller run again when more are.

        Raises:
            InvalidTask: this version can't read the payload.
            GatewayError: Firestore or Cloud Tasks failed; answer 5xx, so that the task is retried.
        """
        batch_id = checked_payload(LooksPayload, payload).batch
        context = self._context
        polls, batch = context.records.get_all([(Polls, POLLS), (Batch, batch_path(batch_id))])
        if batch.record is None:
            return Run(RunOutcome.DONE)
        blocked_until = unmetered.blocked_until(polls.record or Polls(), polls.read_time)
        if blocked_until is not None:
            context.wake_poller(batch_id, [blocked_until])
            return Run(RunOutcome.BUSY)
        claim = _Claim(context, polls)
        try:
            with labelled(batch=batch_id):
                return self._run(batch.record, claim)
        except (AlreadyExists, Conflict):
            return Run(RunOutcome.BUSY)  # another run has claimed the looks just now

    def _run(self, batch: Batch, claim: _Claim) -> Run:
        """Look at one group of files after the other until none is due or no request is left."""
        context = self._context
        deadline = Deadline.after(context.clock, context.rules.work_budget)
        left = most = claim.most_looks()
        done = LookedAt()
        is_more_due = True
        while is_more_due and left > 0 and not deadline.passed:
            now, size = context.clock.now(), min(left, MOST_FILES)
            query = queries.to_look_at(now + CLOCKS_DIFFER, size)
            due = context.records.query(FileRecord, query)
            if len(due) > FEW:
                claim.take()
            done += self._group(batch, due, deadline)
            left -= len(due)
            is_more_due = len(due) == size
        claim.give_back(went_well=left < most and not done.throttled)
        self._wake(batch, done, is_more_due=is_more_due)
        return Run(RunOutcome.DONE, most - left)

    def _wake(self, batch: Batch, done: LookedAt, *, is_more_due: bool) -> None:
        """Create the tasks of the next runs, and call the supervisor if files have moved on.

        While the account is refused, nothing is asked in vain once the batch is over: the looks
        become overdue, and the next batch goes on with them.
        """
        context = self._context
        if done.moved_on:
            context.nudge(batch.batch_id)
        if done.refused and not batch.is_running:
            return
        now = [context.clock.now()] if is_more_due else []
        context.wake_poller(batch.batch_id, [*now, *done.look_at])


class _Claim:
    """A run's claim of all looks, and what the run learns of the rate."""

    def __init__(self, context: Context, polls: Stored[Polls]) -> None:
        self._context = context
        self._polls = polls
        self._id: str | None = None
        self._until: datetime | None = None

    def most_looks(self) -> int:
        """How many files the run may look at."""
        rules = self._context.rules
        polls = self._polls.record or Polls()
        return unmetered.most_looks(polls, rules.settings.tier.unmetered_rpm, rules.look_grid)

    def take(self) -> None:
        """Claim the looks, or renew the claim.

        Raises:
            AlreadyExists, Conflict: another run has claimed them.
        """
        now = self._context.clock.now()
        if self._until is not None and self._until - now > CLAIM / 2:
            return
        self._id, self._until = self._id or self._context.new_id(), now + CLAIM
        claimed = unmetered.claimed(self._polls.record or Polls(), self._id, self._until)
        self._polls = self._context.records.write(self._polls, claimed)

    def give_back(self, *, went_well: bool) -> None:
        """Give the claim back, and save that the service accepts more if it ``went_well``."""
        claim_id = self._id

        def decide(stored: Stored[Polls]) -> Polls:
            polls = stored.record or Polls()
            polls = unmetered.went_well(polls) if went_well else polls
            return unmetered.given_back(polls, claim_id) if claim_id else polls

        is_slowed = (self._polls.record or Polls()).share < 1
        if claim_id or (went_well and is_slowed):
            self._context.records.change(Polls, POLLS, decide, known=self._polls)
