"""Looks at several files at once, and writes what is found of all of them together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.batch.batch import Batch
from shared.domain.errors import GatewayError, Throttled, Unavailable
from shared.domain.file import lifecycle
from shared.domain.file.lifecycle import Step
from shared.domain.file.record import FileRecord
from shared.domain.throttle import imports_limit
from shared.domain.throttle.holds import HoldReason
from shared.domain.throttle.imports_limit import ImportsLimit
from shared.gateways.database.records import IMPORTS, Stored, replacing
from shared.gateways.ports import MAX_WRITES_PER_COMMIT, Update, Write
from shared.log_labels import labelled
from shared.services.context import Context, Deadline
from shared.services.events import emit_outcome
from shared.services.looks.finish_import import FinishImport
from shared.services.looks.look import Look, LookedAtFile, NotedReports
from shared.services.looks.raw_file import AwaitActive
from shared.services.throttle.call_gate import CallGate
from shared.services.worker.file_work import HandedOn

_log = logging.getLogger(__name__)

LOOK_TIME = timedelta(seconds=15)
"""How long looks that are made at once may take; one that takes longer has failed."""

MOST_PER_COMMIT = MAX_WRITES_PER_COMMIT // 2 - 1
"""Files in one commit: each has its record and at most one entry of the ledger."""


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What became of files.

    Attributes:
        look_at: When those that still wait are to be looked at.
        moved_on: Whether the supervisor has something to do for others.
        throttled: Whether a request got a 429.
        refused: Whether the account is refused.
    """

    look_at: tuple[datetime, ...] = ()
    moved_on: bool = False
    throttled: bool = False
    refused: bool = False

    def __add__(self, other: LookedAt) -> LookedAt:
        return LookedAt(
            self.look_at + other.look_at,
            self.moved_on or other.moved_on,
            self.throttled or other.throttled,
            self.refused or other.refused,
        )


class Group:
    """Looks at the files that one run of the poller found."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._gate = CallGate(context)

    def __call__(
        self, batch: Batch, due: Sequence[Stored[FileRecord]], deadline: Deadline
    ) -> LookedAt:
        """Look at these files, write their records, and go on with those that need it."""
        found = LookedAt()
        begun = [_look(self._context, stored, batch) for stored in due]
        stages = [(look, _first_stage(look)) for look in begun]
        while stages:
            looks = self._made(stages)
            saved = self._save(looks)
            found += _found(looks, saved)
            self._report(looks)
            self._learn(saved)
            stages = [] if deadline.passed else [_next_stage(look) for look in saved if look.next]
        return found

    def _made(self, stages: Sequence[tuple[Look, Callable[[], None]]]) -> list[Look]:
        """The looks, once their stages were made at the same time."""
        answers = self._context.at_once([_ended(*each) for each in stages], LOOK_TIME)
        return [
            look if answer is None else _failed(look, answer)
            for (look, _), answer in zip(stages, answers, strict=True)
        ]

    # --- writing ----------------------------------------------------------------------------

    def _save(self, looks: Sequence[Look]) -> list[Look]:
        """Write the results together; returns the looks whose records had not changed since.

        The others are dropped: what they found may be about an earlier attempt. Their files are
        still due.
        """
        units = [_unit(look) for look in looks]
        versions = self._context.records.commit_together(units, MOST_PER_COMMIT)
        saved = []
        for look, unit, made in zip(looks, units, versions, strict=True):
            new = made or self._without_ledger(unit)
            if new is not None:
                before = look.file.stored.present
                look.file.saved(new[0])
                with labelled(step=lifecycle.next_step(before).value):
                    emit_outcome(before, look.record)
                saved.append(look)
        return saved

    def _without_ledger(self, unit: Sequence[Write]) -> Sequence[object] | None:
        """Write a file's record alone if its entry of the ledger has expired."""
        ledger = [write.path for write in unit[1:] if isinstance(write, Update)]
        documents = self._context.records.documents
        if not ledger or all(each.exists for each in documents.get_all(ledger).values()):
            return None
        (versions,) = self._context.records.commit_together([unit[:1]], 1)
        return versions

    # --- reporting --------------------------------------------------------------------------

    def _report(self, looks: Sequence[Look]) -> None:
        """Report what the looks tell of the service; of errors of one kind only the worst."""
        errors: dict[object, GatewayError] = {}
        for error in (error for look in looks for error in look.gate.errors):
            kind = (type(error), error.code, error.quota if isinstance(error, Throttled) else None)
            known = errors.setdefault(kind, error)
            if (error.retry_after or timedelta(0)) > (known.retry_after or timedelta(0)):
                errors[kind] = error
        for error in errors.values():
            self._gate.unmetered_failed(error)
        if any(look.gate.refused for look in looks):
            self._gate.hold(HoldReason.ACCOUNT)
        if failed := sum(look.gate.failed_documents for look in looks):
            self._gate.documents_failed(failed)

    def _learn(self, saved: Sequence[Look]) -> None:
        """Save what ended imports tell of how many may be in progress."""
        ended = [each for look in saved if not look.next for each in look.gate.ended]
        if not ended:
            return
        context = self._context
        preset, now = context.rules.settings.imports_in_progress, context.clock.now()

        def decide(stored: Stored[ImportsLimit]) -> ImportsLimit:
            return imports_limit.ended(stored.record or ImportsLimit(), preset, ended, now)

        context.records.change(ImportsLimit, IMPORTS, decide)


def _look(context: Context, stored: Stored[FileRecord], batch: Batch) -> Look:
    """A look at a file, which the batch takes over if it runs and the file is of its part."""
    look = Look(
        context=context,
        gate=NotedReports(),
        file=LookedAtFile(stored),
        store=batch.store,
        batch_id=batch.batch_id,
        generation=0,
        nudges=not context.is_planned_ahead(batch.next_slot_at),
    )
    if batch.takes(look.record.path):
        look.file.apply(lambda record: lifecycle.taken_over(record, batch.batch_id))
    return look


def _first_stage(look: Look) -> Callable[[], None]:
    if lifecycle.next_step(look.record) is Step.AWAIT_ACTIVE:
        return AwaitActive(look).run
    return FinishImport(look).run


def _next_stage(look: Look) -> tuple[Look, Callable[[], None]]:
    return look, look.next.pop()


def _ended(look: Look, stage: Callable[[], None]) -> Callable[[], None]:
    """The stage, which ends early where the look's next step is decided."""
    step = lifecycle.next_step(look.record).value

    def run() -> None:
        with suppress(HandedOn), labelled(file=look.record.path, step=step):
            stage()

    return run


def _failed(look: Look, error: Exception) -> Look:
    """A look in place of one that failed or hasn't ended: its file is looked at again later.

    Nothing of the failed one is used, since it may still be under way.
    """
    look.file.is_given_up = True
    if not isinstance(error, GatewayError):
        _log.error("the look at %r failed", look.file.stored.path, exc_info=error)
        error = Unavailable("look", status=type(error).__name__, detail=str(error))
    again = replace(
        look, gate=NotedReports(), file=LookedAtFile(look.file.stored), next=[], moves=[]
    )
    with suppress(HandedOn):
        again.retry_later(error)
    return again


def _unit(look: Look) -> list[Write]:
    """The writes of one file: its record, if it is as it was read, with what belongs to it."""
    return [replacing(look.file.stored, look.file.counted), *look.file.also]


def _found(looks: Sequence[Look], saved: Sequence[Look]) -> LookedAt:
    now = [look.file.stored.present.schedule.look_at for look in looks]
    return LookedAt(
        tuple(at for at in now if at is not None),
        any(look.moves and look.nudges for look in saved),
        any(isinstance(error, Throttled) for look in looks for error in look.gate.errors),
        any(look.gate.refused for look in looks),
    )
