"""A deployment on the in-memory twins, and how to read its state from outside."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any, cast

from shared.domain.batch.batch import Batch, BatchStatus
from shared.domain.deployment.deployment import Deployment as Belonging
from shared.domain.deployment.rules import Rules
from shared.domain.file.record import FileRecord
from shared.domain.metadata.metadata import MetadataEntry
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.database.records import DEPLOYMENT, LEASE, Records, batch_path
from shared.gateways.ports import Delete, Document, Query
from shared.services.context import Context
from tests.simulation.faults.faulty_ports import (
    Gate,
    GatedBucket,
    GatedDocuments,
    GatedPort,
    GatedQueues,
)
from tests.simulation.world.stage import Stage
from tests.twins.at_once import one_by_one
from tests.twins.bucket import MemoryBucket
from tests.twins.documents import MemoryDocuments
from tests.twins.gemini import MemoryGemini
from tests.twins.tasks import MemoryTasks


class Deployment:
    """The twins on one virtual clock.

    Attributes:
        plain: The ports without the gate, for reads of the tests and calls that never fail.
    """

    def __init__(self, rules: Rules, chance: Random) -> None:
        self.rules = rules
        self.chance = chance
        self.stage = Stage()
        self.documents = MemoryDocuments(self.stage)
        self.queues = MemoryTasks(
            self.stage, tombstone=chance.choice((timedelta(0), timedelta(hours=24)))
        )
        self.bucket = MemoryBucket(self.stage)
        self.gemini = MemoryGemini(self.stage)
        self.records = Records(self.documents, self.stage)
        self.plain = Context(
            rules=rules,
            records=self.records,
            queues=self.queues,
            bucket=self.bucket,
            gemini=self.gemini,
            at_once=one_by_one,
            clock=self.stage,
            new_id=self._new_id,
            jitter=chance.random,
        )
        self._ids = 0
        self._others = 0

    def gated(self, gate: Gate) -> Context:
        """The ports behind the gate."""
        documents = GatedDocuments("documents", self.documents, gate)
        return replace(
            self.plain,
            records=Records(cast("Any", documents), self.stage),
            queues=cast("Any", GatedQueues("queues", self.queues, gate)),
            bucket=cast("Any", GatedBucket("bucket", self.bucket, gate)),
            gemini=cast("Any", GatedPort("gemini", self.gemini, gate)),
        )

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:06d}"

    def import_for_others(
        self, store: str, content: bytes, entries: Sequence[MetadataEntry] = ()
    ) -> str:
        """Import a document that isn't ours, without faults and at once; returns its name.

        Raises:
            Throttled: the storage is full.
        """
        gemini, self._others = self.gemini, self._others + 1
        gemini.file_latency = gemini.import_latency = timedelta(0)
        gemini.fates.clear()
        file = gemini.upload(
            f"others-{self._others}",
            io.BytesIO(content),
            size=len(content),
            media_type="text/plain",
            display_name="",
        )
        operation = gemini.import_file(store, file.name, entries, None)
        return operation.name.replace("/operations/", "/documents/")

    def lose_lease(self) -> None:
        """Lose the lease's record, whoever holds it."""
        self.documents.commit([Delete(LEASE)])

    def lose_store(self) -> None:
        """Lose the store that syncs fill, with all that it holds."""
        self.gemini._stores.pop(self.target(), None)

    # --- reading ----------------------------------------------------------------------------

    def store_name(self) -> str:
        """The store that the records belong to."""
        return self.records.get(Belonging, DEPLOYMENT).present.store

    def batches(self) -> list[tuple[str, Batch]]:
        """All batches, by their paths."""
        found = self.records.query(Batch, Query("batches"))
        return [(stored.path, stored.present) for stored in found]

    def file_records(self) -> list[FileRecord]:
        """All records of files, by path."""
        found = self.records.query(FileRecord, Query("files", order_by=("path",)))
        return [stored.present for stored in found]

    def asides(self) -> list[str]:
        """Paths of the files that are set aside."""
        return [record.path for record in self.file_records() if record.aside]

    def objects(self) -> list[ObjectInfo]:
        """All objects of the bucket."""
        return self.bucket.list_objects(prefix="", limit=10_000)

    def store_documents(self) -> list[Document]:
        """All documents of all stores, also foreign ones."""
        now = self.stage.now()
        stores = self.gemini._stores.values()
        return [made.document_at(now) for store in stores for made in store.imports.values()]

    def own_documents(self, store: str = "") -> list[Document]:
        """The documents with our owner tag in a store; by default in the one that syncs fill."""
        owner, name = self.rules.settings.owner, store or self.target()
        return [
            each
            for each in self.store_documents()
            if each.metadata.get("owner") == owner and each.name.startswith(name)
        ]

    def document(self, name: str) -> Document | None:
        """The document of this name; None if it is gone."""
        store = self.gemini._stores.get(name.partition("/documents/")[0])
        made = store.imports.get(name) if store is not None else None
        return made.document_at(self.stage.now()) if made is not None else None

    def target(self) -> str:
        """The store that syncs fill; empty if none is known yet."""
        known = self.documents._find(DEPLOYMENT)
        return str(known.fields["next_store"] or known.fields["store"]) if known else ""

    def is_store_gone(self) -> bool:
        """Whether the store that syncs fill has been deleted."""
        target = self.target()
        return bool(target) and target not in self.gemini._stores

    def running_batch(self) -> Batch | None:
        """The batch that is not closed, or None."""
        lease = self.documents._find(LEASE)
        if lease is None:  # its record was deleted
            running = [batch for _, batch in self.batches() if not batch.status.is_terminal]
            return running[0] if running else None
        batch = self.records.get(Batch, batch_path(lease.fields["holder"])).record
        return batch if batch is not None and not batch.status.is_terminal else None

    def paused_batch(self) -> str:
        """The id of the paused batch; empty if there is none."""
        batch = self.running_batch()
        return batch.batch_id if batch and batch.status is BatchStatus.PAUSED else ""

    def lease_is_held(self) -> bool:
        """Whether the lease has a holder that has not released it."""
        lease = self.documents._find(LEASE)
        if lease is None:
            return self.running_batch() is not None
        return not lease.fields["released"]
