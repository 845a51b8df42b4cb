"""Guards deletions: documents of removed objects are deleted only if they are not too many."""

from __future__ import annotations

from collections import Counter

from shared.domain.batch import guards
from shared.domain.batch.batch import Batch, DeletePolicy
from shared.domain.file import lifecycle, outcomes
from shared.domain.file.record import FileRecord, FileStatus
from shared.domain.scan.comparison import end_of
from shared.gateways.database import queries
from shared.gateways.database.records import Stored, updating
from shared.gateways.ports import Query, QueueName, Write
from shared.services.context import Context
from shared.services.guard.backlog import staying_documents

AT_ONCE = 500


class RemovalGuard:
    """Releases the removal candidates of a complete scan."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def waiting(self, batch: Batch) -> int:
        """How many removal candidates the batch has; 0 if it may not delete."""
        if batch.delete_policy is DeletePolicy.ADD_ONLY:
            return 0
        return self._context.records.documents.count(self.candidates(batch))

    def release(self, batch: Batch) -> None:
        """Release the candidates: each gets a task that deletes its documents.

        Candidates that an earlier batch could not release are included, and count again.

        Raises:
            Refused: there are too many; none was released.
        """
        waiting = self.waiting(batch)
        if waiting == 0:
            return
        guards.check_deletions(waiting, staying_documents(self._context), batch.max_deletes)
        query = self.candidates(batch, AT_ONCE)
        while candidates := self._context.records.query(FileRecord, query):
            if not self._release(candidates, batch.batch_id):
                break  # every record changed meanwhile: the next call tries again

    # --- documents of unchanged content -----------------------------------------------------

    def asked(self, batch: Batch) -> int:
        """How many documents a rule of ours would remove; 0 if the batch may not delete."""
        if batch.delete_policy is DeletePolicy.ADD_ONLY:
            return 0
        return self._context.records.documents.count(self._asking(batch, None))

    def check_asked(self, batch: Batch) -> None:
        """Ask about documents of unchanged content that a rule of ours would remove.

        Raises:
            Refused: there are some, and the batch does not allow to delete them.
        """
        asked = self.asked(batch)
        if not asked:
            return
        found = self._context.records.query(FileRecord, self._asking(batch, AT_ONCE))
        reasons = Counter(each.present.skip_reason or "" for each in found)
        guards.check_asked(asked, self.waiting(batch), batch.max_deletes, reasons)

    def admit_asked(self, batch: Batch) -> None:
        """Make such documents removal candidates if the batch's ``max_deletes`` allows it."""
        if batch.max_deletes is None:
            return
        asked = self.asked(batch)
        if not asked or not guards.allows_asked(asked, self.waiting(batch), batch.max_deletes):
            return
        context, query = self._context, self._asking(batch, AT_ONCE)
        while found := context.records.query(FileRecord, query):
            writes: list[Write] = []
            for each in found:
                candidate = lifecycle.moved(each.present, FileStatus.REMOVAL_CANDIDATE)
                writes.append(updating(each.path, candidate, each.version, each.present))
            if len(context.records.commit_each(writes)) == len(writes):
                break  # every record changed meanwhile: another sync asks again

    def _asking(self, batch: Batch, limit: int | None) -> Query:
        if batch.prefix == self._context.rules.settings.prefix:
            return queries.asking_first(limit)
        return queries.asking_below(batch.prefix, end_of(batch.prefix), limit)

    # --- the candidates ---------------------------------------------------------------------

    def candidates(self, batch: Batch, limit: int | None = None) -> Query:
        """The query of the candidates below the batch's prefix, at most ``limit``."""
        whole = batch.prefix == self._context.rules.settings.prefix
        if whole:
            return queries.with_status(FileStatus.REMOVAL_CANDIDATE, limit=limit)
        return queries.candidates_below(batch.prefix, end_of(batch.prefix), limit)

    def _release(self, candidates: list[Stored[FileRecord]], batch_id: str) -> bool:
        context = self._context
        now = context.clock.now()
        released: dict[str, FileRecord] = {}
        writes: list[Write] = []
        for stored in candidates:
            record = outcomes.removal_begun(
                stored.present, batch_id, QueueName.POLLS, now, context.rules.file
            )
            released[stored.path] = record
            writes.append(updating(stored.path, record, stored.version, stored.present))
        for write in context.records.commit_each(writes):
            del released[write.path]
        if released:
            context.queues.create_many([context.step_task(each) for each in released.values()])
        return bool(released)
