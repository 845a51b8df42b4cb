"""The guard between a scan and the store: which documents of vanished objects may go."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain import journey
from shared.domain.files import FileRecord, FileStatus
from shared.domain.planning import deletion_cap
from shared.gateways import queries
from shared.gateways.ports import QueueName, Write
from shared.gateways.records import Stored, updating
from shared.services.context import Context

AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Refusal:
    """More documents would go than may; none does."""

    waiting: int
    indexed: int
    cap: int

    def __str__(self) -> str:
        return (
            f"{self.waiting} of {self.indexed} documents would be deleted, more than the "
            f"{self.cap} allowed: none was. If that is right, sync with max_deletes={self.waiting} "
            "or more"
        )


class Removals:
    """Releases the candidates of a complete scan."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def release(self, batch_id: str, max_deletes: int | None) -> Refusal | None:
        """Let all candidates go, each to a task of its own; or refuse, and let none go."""
        documents = self._context.records.documents
        waiting = documents.count(queries.with_status(FileStatus.REMOVAL_CANDIDATE))
        indexed = documents.count(queries.with_status(FileStatus.INDEXED)) + waiting
        cap = deletion_cap(indexed, max_deletes)
        if waiting > cap:
            return Refusal(waiting, indexed, cap)
        query = queries.with_status(FileStatus.REMOVAL_CANDIDATE, limit=AT_ONCE)
        while candidates := self._context.records.query(FileRecord, query):
            if not self._release(candidates, batch_id):
                break  # all of them are changing: the next call comes back
        return None

    def _release(self, candidates: list[Stored[FileRecord]], batch_id: str) -> bool:
        context = self._context
        now = context.clock.now()
        released: dict[str, FileRecord] = {}
        writes: list[Write] = []
        for stored in candidates:
            record = journey.removal_begun(
                stored.present, batch_id, QueueName.POLLS, now, context.rules.journey
            )
            released[stored.path] = record
            writes.append(updating(stored.path, record, stored.version, stored.present))
        for write in context.records.commit_each(writes):
            del released[write.path]
        if released:
            context.queues.create_many([context.step_task(each) for each in released.values()])
        return bool(released)
