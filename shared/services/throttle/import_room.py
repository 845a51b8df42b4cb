"""How many imports may be begun now, and which of the files that are ready."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.file.record import FileRecord, FileStatus, crowd_of, with_working
from shared.domain.throttle import imports_limit
from shared.domain.throttle.imports_limit import ImportsLimit
from shared.gateways.database import queries
from shared.gateways.database.records import IMPORTS, Stored
from shared.services.context import Context


@dataclass(frozen=True, slots=True)
class ImportRoom:
    """The room for imports in one plan.

    Attributes:
        in_progress: Imports in progress or planned.
        preset: How many there may be, as far as nothing was learned.
        limit: The record of what was learned, as it is.
        trying: The same if more files are ready than the limit allows: a larger one may be tried.
        learns: Whether anything is to be learned: many are in progress, and no maximum was set.
    """

    in_progress: int
    preset: int
    limit: ImportsLimit
    trying: ImportsLimit
    learns: bool = True

    @property
    def most(self) -> int:
        """How many imports may be begun; less than 0 if too many are in progress."""
        return imports_limit.allowed(self.trying, self.preset) - self.in_progress

    @property
    def most_in_progress(self) -> int:
        """How many imports may be in progress, without a trial."""
        return imports_limit.limit_of(self.limit, self.preset)

    def begun(self, ready: Sequence[Stored[FileRecord]], most: int) -> Begun:
        """Which of these files are to be imported, ``most`` at the most."""
        wait = any(_tells(self.limit, file.present) for file in ready)
        is_trying = self.in_progress + len(ready) > self.most_in_progress and not wait
        limit = self.trying if is_trying else self.limit
        allowed = imports_limit.allowed(limit, self.preset, suspects_wait=wait)
        files: list[Stored[FileRecord]] = []
        for file in ready:
            size = self.in_progress + len(files) + 1
            if size > allowed or len(files) >= most:
                break
            if size <= self.preset or not crowd_of(file.present).is_suspect:
                files.append(file)
        size = self.in_progress + len(files)
        is_near = self.learns and imports_limit.is_near(size, limit, self.preset)
        beside = {file.present.path: size for file in files if is_near}
        return Begun(self, tuple(files), beside, is_trying=limit is not self.limit)


@dataclass(frozen=True, slots=True)
class Begun:
    """Imports to plan.

    Attributes:
        room: The room they were found in.
        files: Their files.
        beside: How many are in progress with each, itself included, by path; without those that are
            too few to tell something of the limit.
        is_trying: Whether a larger limit is to be tried.
    """

    room: ImportRoom
    files: tuple[Stored[FileRecord], ...]
    beside: dict[str, int]
    is_trying: bool

    def crowded(self, record: FileRecord) -> FileRecord:
        """The record, with how many imports are in progress with its own."""
        crowd = replace(crowd_of(record), beside=self.beside.get(record.path, 0))
        return with_working(record, crowd=crowd)


class ImportRooms:
    """Finds the room for imports, and saves what is begun."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def room(self, slots: int, interval: timedelta, now: datetime) -> ImportRoom:
        """The room for imports.

        What was learned is read only if so many are in progress that it may matter.

        Args:
            slots: Metered requests that may be planned.
            interval: Time between two metered requests. Each file has two.
            now: The time.
        """
        settings = self._context.rules.settings
        preset, begun = settings.imports_in_progress, self._count_begun()
        in_progress = begun + self._context.records.documents.count(queries.planned_imports())
        is_near = imports_limit.is_near(in_progress + slots, ImportsLimit(), preset)
        if begun and is_near:  # otherwise all slots may be used for imports anyway
            in_progress -= self._count_failed()
            is_near = imports_limit.is_near(in_progress + slots, ImportsLimit(), preset)
        if settings.max_imports_in_progress is not None or not is_near:
            return ImportRoom(in_progress, preset, ImportsLimit(), ImportsLimit(), learns=False)
        limit = self._context.records.get(ImportsLimit, IMPORTS).record or ImportsLimit()
        per_second = timedelta(seconds=1) / interval / 2
        return ImportRoom(
            in_progress, preset, limit, imports_limit.tried(limit, preset, per_second, now)
        )

    def save(self, begun: Begun) -> None:
        """Save that imports were planned, if that is of a trial."""
        room, sizes = begun.room, begun.beside.values()
        trial = room.trying.trial if begun.is_trying else room.limit.trial
        if trial is None or not any(size > room.most_in_progress for size in sizes):
            return

        def decide(stored: Stored[ImportsLimit]) -> ImportsLimit:
            limit = stored.record or ImportsLimit()
            if begun.is_trying and limit == room.limit:
                limit = room.trying
            return imports_limit.begun(limit, room.preset, sizes)

        self._context.records.change(ImportsLimit, IMPORTS, decide)

    def _count_begun(self) -> int:
        """Imports in progress, also those whose document FAILED."""
        query = queries.with_status(FileStatus.IMPORTING, FileStatus.UNCERTAIN)
        return self._context.records.documents.count(query)

    def _count_failed(self) -> int:
        """Imports whose document FAILED; they still may turn ACTIVE, and mostly are tried again."""
        return self._context.records.documents.count(queries.failed_documents())


def _tells(limit: ImportsLimit, record: FileRecord) -> bool:
    crowd = crowd_of(record)
    return imports_limit.tells(limit, crowd.failed_beside, crowd.failed_at)
