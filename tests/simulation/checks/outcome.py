"""Checks at the end of a run: bucket, records and store after a last sync without faults."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.batch.batch import Batch, BatchStatus
from shared.domain.batch.lease import Lease
from shared.domain.deployment.deployment import Deployment
from shared.domain.file import known_documents
from shared.domain.file.record import FailureKind, FileRecord, FileStatus
from shared.domain.source.sidecar_name import base_name, is_sidecar
from shared.gateways.database import queries
from shared.gateways.database.records import DEPLOYMENT, LEASE
from shared.gateways.ports import Query, RemoteState
from shared.services.source.inspection import inspect_one
from tests.simulation.checks.violation import Violation, require

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation


def check_quiet_batch(batch: Batch) -> None:
    """A sync without faults completes its work."""
    done = (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_FAILURES)
    require(batch.status in done, "every_batch_closed", batch.status, batch.message)


def check_differences(play: Simulation, batch: Batch) -> None:
    """The store's count differs from the records' by what is known, or the store was listed.

    A difference that is doubted, since the count lagged before, is looked into by the next sync.
    """
    if play.gemini.counts_lag or batch.reconciled:
        return
    known = play.records.get(Deployment, DEPLOYMENT).present
    stored = sum(each.name.startswith(f"{known.target}/") for each in play.store_documents())
    held = play.documents.count(queries.in_store(known.target))
    name = "differences_are_looked_into"
    told = (known.known_drift, known.count_trust.doubted)
    require(stored - held in told, name, stored, held, known, batch)


def check_figures(play: Simulation, batch: Batch) -> None:
    """A completed sync without faults counts the files that were indexed while it ran.

    A file that it had planned, and whose plan its own scan then took back, is counted as well.
    """
    if batch.status is not BatchStatus.COMPLETED:
        return
    by_steps, by_scans = play.invariants.indexed, play.invariants.put_back
    indexed = [
        record.path
        for record in play.file_records()
        if record.status is FileStatus.INDEXED
        and (
            record.path in by_steps
            or (record.path in by_scans and record.batch_id == batch.batch_id)
        )
    ]
    counted = batch.counts.get("indexed")
    require(counted == len(indexed), "figures_are_of_the_batch", counted, "counted:", indexed)


def check_unchanged(play: Simulation, sync: Callable[[], Batch]) -> None:
    """A sync of an unchanged bucket imports nothing, and lists the store only if it has to."""
    name, now = "unchanged_costs_nothing", play.stage.now()
    if any(each.status is FileStatus.FAILED and _is_due(each, now) for each in play.file_records()):
        return
    known = play.records.get(Deployment, DEPLOYMENT).present
    every = play.rules.settings.reconcile_every
    may_list = play.gemini.counts_lag or known.is_to_be_listed(now, every)
    metered, documents = play.gemini.metered, _names(play)
    batch = sync()
    require(play.gemini.metered == metered, name, play.gemini.metered - metered, "requests", batch)
    require(_names(play) == documents, name, "other documents", batch)
    require(may_list or not documents or not batch.reconciled, name, "the store was listed", batch)


def _names(play: Simulation) -> set[str]:
    return {document.name for document in play.own_documents()}


def _is_due(record: FileRecord, now: datetime) -> bool:
    """Whether a failed file is tried again by a sync that begins about now."""
    eligible_at = record.failure.eligible_at if record.failure else None
    return eligible_at is not None and eligible_at <= now + timedelta(hours=1)


class Outcome:
    """The end of one simulation."""

    def __init__(self, play: Simulation) -> None:
        self._play = play

    def check(self) -> None:
        """Check everything, after a last sync without faults."""
        for promise in (
            self.every_batch_closed,
            self.lease_free,
            self.wanted_store_serves,
            self.no_file_lost,
            self.no_file_blamed_without_cause,
            self.one_live_document_per_path,
            self.one_document_per_content_key,
            self.no_orphans,
            self.store_matches_bucket,
            self.foreign_documents_untouched,
        ):
            promise()

    def every_batch_closed(self) -> None:
        for _, batch in self._play.batches():
            require(batch.status.is_terminal, "every_batch_closed", batch)
            require(batch.completed_at is not None, "every_batch_closed", batch)

    def lease_free(self) -> None:
        lease = self._play.records.get(Lease, LEASE).present
        require(lease.released, "lease_free", lease)

    def wanted_store_serves(self) -> None:
        """The configured store is used, unless a file of the old one failed in the new one.

        A damaged record that nothing reads, of a vanished object, counts as such a file as well:
        then people promote the new store.
        """
        play = self._play
        known = play.records.get(Deployment, DEPLOYMENT).present
        require(known.store_name == play.rules.settings.store_name, "wanted_store_serves", known)
        records = play.file_records()
        failed = any(each.status is FileStatus.FAILED for each in records)
        damaged = len(play.documents.query(Query("files"))) > len(records)
        require(failed or damaged or not known.next_store, "wanted_store_serves", known)

    def no_file_lost(self) -> None:
        """Every object is indexed, or failed or skipped with a reason."""
        records = {record.path: record for record in self._play.file_records()}
        for info in self._play.objects():
            if is_sidecar(info.name) and self._play.bucket.stat(base_name(info.name)):
                continue  # a sidecar has no record while its base exists
            wanted = inspect_one(self._play.plain, info.name)
            assert wanted is not None
            record = records.get(info.name)
            if wanted.rule and (record is None or record.status is FileStatus.DELETED):
                continue  # left out by a rule
            if record is None:
                raise Violation("no_file_lost", f"{info.name} has no record")
            if wanted.skip_reason:
                good = record.status is FileStatus.SKIPPED and bool(record.skip_reason)
            else:
                good = record.desired_key == wanted.key and (
                    record.status is FileStatus.INDEXED or _is_failed(record)
                )
            require(good, "no_file_lost", record)

    def no_file_blamed_without_cause(self) -> None:
        """A failed file used up its attempts, each by a fault that counts; a 429 never counts."""
        play, name = self._play, "no_file_blamed_without_cause"
        for record in play.file_records():
            if record.status is not FileStatus.FAILED:
                continue
            if record.failed_kind is FailureKind.PERMANENT:
                require(play.library.is_refused_for_good(record.path), name, record)
                continue
            require(record.failure and record.failure.code != 429, name, record)
            charges = play.gate.troubles(record.path)
            require(charges >= play.rules.file.max_attempts, name, charges, "charges:", record)

    def one_live_document_per_path(self) -> None:
        by_path: defaultdict[object, list[str]] = defaultdict(list)
        for document in self._play.own_documents():
            if document.state is RemoteState.FAILED:
                continue  # no search finds it; it is an orphan
            by_path[document.metadata["path"]].append(document.name)
        doubles = {path: names for path, names in by_path.items() if len(names) > 1}
        require(not doubles, "one_live_document_per_path", doubles)

    def one_document_per_content_key(self) -> None:
        keys = Counter(
            document.metadata["content_key"]
            for document in self._play.own_documents()
            if document.state is not RemoteState.FAILED
        )
        doubles = {key: count for key, count in keys.items() if count > 1}
        require(not doubles, "one_document_per_content_key", doubles)

    def no_orphans(self) -> None:
        known: set[str] = set()
        for record in self._play.file_records():
            known.update(filter(None, [record.current_document]))
            if record.status is FileStatus.FAILED:  # these stay until other documents replace them
                known.update(known_documents.documents_to_remove(record))
        orphans = [
            document.name for document in self._play.own_documents() if document.name not in known
        ]
        require(not orphans, "no_orphans", orphans)

    def store_matches_bucket(self) -> None:
        """After a clean sync the store holds the bucket's content, no more and no less."""
        records = {record.path: record for record in self._play.file_records()}
        held = {str(document.metadata["path"]): document for document in self._play.own_documents()}
        for info in self._play.objects():
            wanted = inspect_one(self._play.plain, info.name)
            if wanted is None or wanted.skip_reason:
                continue
            document = held.pop(info.name, None)
            record = records[info.name]
            if record.status is FileStatus.FAILED:
                continue
            good = (
                document is not None
                and document.state is RemoteState.ACTIVE
                and document.metadata["content_key"] == wanted.key == record.current_key
                and document.metadata["content_hash"] == info.content_hash
                and record.current_document == document.name
            )
            require(good, "store_matches_bucket", record, document, wanted)
        require(not held, "store_matches_bucket", "documents of what is gone:", held)

    def foreign_documents_untouched(self) -> None:
        there = {document.name for document in self._play.store_documents()}
        missing = set(self._play.neighbour.documents) - there
        require(not missing, "foreign_documents_untouched", missing)


def _is_failed(record: FileRecord) -> bool:
    """Whether the content wanted of the file failed, with a reason."""
    return (
        record.status is FileStatus.FAILED
        and record.working_key in (None, record.desired_key)
        and record.failure is not None
        and record.failure.kind is not None
        and bool(record.failure.reason)
    )
