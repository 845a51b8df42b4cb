"""Compares the store, the records and the scan at the end of a sync, by their counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.domain.batch.batch import Batch
from shared.domain.deployment.deployment import Deployment
from shared.domain.errors import GatewayError
from shared.domain.file.record import Change, FileStatus
from shared.domain.reconcile.scan_count import Settled, held_by_scan, settled
from shared.domain.scan.comparison import end_of
from shared.gateways.database import queries
from shared.gateways.database.records import Stored
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.scan.range_records import RECORDS
from shared.services.store.deployment_record import present_deployment
from shared.services.store.drift import Drift, MeasureDrift
from shared.services.throttle.call_gate import CallGate


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison found.

    Attributes:
        deployment: The deployment's record.
        drift: The counts of the store and of the records.
        foreign: Foreign documents, as they were listed last.
        settled: What the next sync may go by; None if this one can't tell.
        lost: Records that the scan counted and that are missing; None if they were not counted.
        is_to_be_listed: Whether the store has to be listed before the batch ends.
    """

    deployment: Stored[Deployment]
    drift: Drift
    foreign: int
    settled: Settled | None
    lost: int | None
    is_to_be_listed: bool

    @property
    def unexplained(self) -> int | None:
        """The difference, unless it is the number of foreign documents, or unknown."""
        difference = self.drift.difference
        return None if difference == self.foreign else difference


class FinalComparison:
    """Compares while no file is under way, and saves the result with the deployment."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, batch: Batch) -> Compared:
        """Compare the counts; of the store, only a batch of the whole deployment can tell."""
        context = self._context
        whole = batch.prefix == context.rules.settings.prefix
        deployment = present_deployment(context, batch)
        known = deployment.present
        failed, kept = self._failed(), self._kept(batch)
        every, now = context.rules.settings.reconcile_every, context.clock.now()
        is_due = known.is_to_be_listed(now, every)
        scanned = batch.expected_documents if whole else None
        expected = (
            None if is_due or known.recount else held_by_scan(scanned, known.settled, failed, kept)
        )
        foreign = batch.foreign if batch.explains_store else known.known_drift
        drift = self._drift(batch, expected, foreign)
        difference, trust = drift.difference, known.count_trust
        differs = difference is not None and trust.is_to_be_listed_now(difference, foreign)
        return Compared(
            deployment,
            drift,
            foreign,
            settled(scanned, drift.held, failed, kept),
            self._lost(batch) if whole and drift.is_counted else None,
            whole and not batch.had_last_look and (is_due or differs),
        )

    def save(self, batch: Batch, found: Compared) -> str:
        """Save what the next sync goes by; returns what the batch's message says of it."""
        difference, known = found.drift.difference, found.deployment.present
        if difference is None or batch.prefix != self._context.rules.settings.prefix:
            return ""
        before, listed = known.count_trust, batch.explains_store
        if found.unexplained is not None and (listed or not before.lags):
            drift = found.drift
            emit(
                Event.STORE_DRIFTED,
                f"{batch.store} counts {drift.stored} documents, and the records {drift.held}.",
                store=batch.store,
                stored=drift.stored,
                held=drift.held,
            )
        repaired = batch.has_repaired or found.foreign != known.known_drift
        trust = (
            before.after_listing(batch.drift, difference, found.foreign, repaired=repaired)
            if listed
            else before.at_end(difference, found.foreign)
        )
        after = replace(known, known_drift=found.foreign, count_trust=trust)
        if found.lost is not None:
            lasts = None if found.lost else found.settled
            after = replace(after, recount=found.lost > 0, settled=lasts)
        self._context.records.write(found.deployment, after)
        return (
            f"{found.lost} records are missing that the scan has counted: the next sync finds out "
            "which, and takes these files up again."
            if found.lost
            else ""
        )

    def _drift(self, batch: Batch, expected: int | None, foreign: int) -> Drift:
        try:
            return MeasureDrift(self._context)(batch.store, expected, foreign)
        except GatewayError as error:
            CallGate(self._context).unmetered_failed(error)
            return Drift(error=str(error))

    def _lost(self, batch: Batch) -> int | None:
        """How many records are missing, by the scan's counts; None if it has none."""
        if RECORDS not in batch.counts:
            return None
        prefix = batch.prefix
        every = queries.records_in_range(prefix, end_of(prefix), None)
        return max(0, batch.counts[RECORDS] - self._context.records.documents.count(every))

    def _failed(self) -> int:
        return self._context.records.documents.count(queries.with_status(FileStatus.FAILED))

    def _kept(self, batch: Batch) -> int:
        """How many skipped files may have documents, which the scan's counts leave out."""
        if not batch.counts.get(Change.SKIPPED):
            return 0
        count = self._context.records.documents.count
        return count(queries.unreadable(None)) + count(queries.asking_first(None))
