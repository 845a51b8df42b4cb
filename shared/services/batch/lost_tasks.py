"""Finds overdue files, and creates the tasks that were lost: their own, or the poller's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.errors import Conflict, GatewayError
from shared.domain.file import attempt, lifecycle, outcomes
from shared.domain.file.lifecycle import Step
from shared.domain.file.record import FileRecord
from shared.gateways.database import queries
from shared.gateways.ports import QueueName
from shared.services.context import Context

AT_ONCE = 100
"""Overdue files handled in one call, the longest overdue first."""


class LostTasks:
    """Creates tasks that were lost, or never created."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def recreate(self, batch_id: str) -> None:
        """Create the lost tasks of overdue files. A task is lost only if its queue says so.

        A look that is overdue shows that the poller's task is lost, or that its run died.
        """
        context = self._context
        looks: list[datetime] = []
        query = queries.overdue(context.clock.now(), AT_ONCE)
        for stored in context.records.query(FileRecord, query):
            record = stored.present
            if record.schedule.look_at is not None:
                looks.append(record.schedule.look_at)
                continue
            has_task = self._may_have_task(record)
            transition = self._still_waiting if has_task else self._after_lost_task
            try:
                new = transition(record, batch_id, stored.read_time)
                saved = context.records.write(stored, new).present
            except Conflict:
                continue  # the record has just changed: the file is being processed
            if saved.schedule.look_at is not None:
                looks.append(saved.schedule.look_at)
            if not has_task and saved.schedule.task is not None:
                context.queues.create(context.step_task(saved))
        context.wake_poller(batch_id, looks)

    def _may_have_task(self, record: FileRecord) -> bool:
        """Whether the record's task exists; True if the queue can't tell, until the next call."""
        task = record.schedule.task
        try:
            return task is not None and self._context.queues.exists(QueueName(task.queue), task.id)
        except GatewayError:
            return True

    def _still_waiting(self, record: FileRecord, batch_id: str, now: datetime) -> FileRecord:
        taken = lifecycle.taken_over(record, batch_id)
        return _overdue_at(taken, now + self._context.rules.file.overdue_grace)

    def _after_lost_task(self, record: FileRecord, batch_id: str, now: datetime) -> FileRecord:
        if outcomes.may_halt_removal(record) and record.batch_id != batch_id:
            return outcomes.removal_halted(record, now)
        record = lifecycle.taken_over(record, batch_id)
        step = lifecycle.next_step(record)
        if step.is_metered:
            return attempt.postponed(record, now, now)
        if step is Step.NOTHING:
            return _overdue_at(record, None)
        if step is not Step.REMOVE:
            return lifecycle.to_be_looked_at(record, now, now, self._context.rules.file)
        return lifecycle.handed_on(record, QueueName.POLLS, now, now, self._context.rules.file)


def _overdue_at(record: FileRecord, at: datetime | None) -> FileRecord:
    return replace(record, schedule=replace(record.schedule, overdue_at=at))
