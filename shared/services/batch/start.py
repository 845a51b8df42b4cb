"""Starts a sync: writes the lease and the batch in one commit, or neither."""

from __future__ import annotations

from datetime import datetime

from shared.domain.batch.asked_sync import AskedSync, is_answered_by
from shared.domain.batch.batch import Batch, SyncMode
from shared.domain.batch.lease import Lease, LeaseHeld
from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.deployment import Deployment
from shared.domain.deployment.settings import Settings
from shared.domain.errors import (
    AlreadyExists,
    AlreadyRunning,
    Conflict,
    InvalidRequest,
    Refused,
    SyncError,
)
from shared.domain.ids import digest
from shared.domain.source.object_name import composed
from shared.domain.throttle.breaker_state import BreakerState
from shared.gateways.database.records import (
    ASKED,
    BREAKER,
    DEPLOYMENT,
    LEASE,
    batch_path,
    creating,
    replacing,
)
from shared.gateways.ports import QueueName, Task, Write
from shared.services.context import Context
from shared.services.events import Event, emit
from shared.services.lease.acquire import acquired
from shared.services.lease.holder import holder_of
from shared.services.task_payload import PAYLOAD_VERSION
from shared.services.throttle.call_gate import CallGate

START_ATTEMPTS = 5
"""Attempts to take a contended lease; after them the holder can be named."""


class StartSync:
    """Starts a batch, one at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(
        self, request: SyncRequest, *, by: str = "", asked_at: datetime | None = None
    ) -> Batch:
        """Start a batch, and create the task of the supervisor's first call.

        Args:
            request: What is asked for.
            by: Who asks, for the log; by default the request's trigger.
            asked_at: The bucket's wish that this sync answers; None if somebody else asks.

        Raises:
            AlreadyRunning: another batch is running, or has answered that wish.
            InvalidRequest: the prefix is outside the deployment's; ``new_store`` is given without
                mode full or with a prefix; or the cost is limited and the embedding model's price
                is unknown.
            Refused: the records belong to another bucket, prefix or deployment; or the price of the
                embedding model is unknown, and the cost of a day is limited or nothing bounds the
                number of imports.
        """
        settings = self._context.rules.settings
        if request.prefix and not request.prefix.startswith(settings.prefix):
            same = composed(request.prefix).startswith(composed(settings.prefix))
            shown = ascii(settings.prefix) if same else repr(settings.prefix)
            form = ", in the same Unicode form" if same else ""
            raise InvalidRequest(f"prefix must start with the deployment's prefix, {shown}{form}")
        if request.new_store and (request.mode is not SyncMode.FULL or request.prefix):
            raise InvalidRequest("new_store needs mode full, and no prefix")
        if request.max_estimated_cost is not None and settings.price is None:
            raise InvalidRequest(
                f"max_estimated_cost needs the price of {settings.embedding_model!r}: add it to "
                "shared/prices.json, or sync without max_estimated_cost"
            )
        if settings.max_cost_per_day is not None and settings.price is None:
            raise Refused(
                f"MAX_COST_PER_DAY needs the price of {settings.embedding_model!r}: add it to "
                "shared/prices.json, or limit MAX_IMPORTS_PER_SYNC instead"
            )
        if settings.price is None and not _is_bounded(request, settings):
            raise Refused(
                f"the price of {settings.embedding_model!r} is not known, so nothing bounds what "
                "the imports cost: add it to shared/prices.json, or say how many files may be "
                "imported, with max_imports or MAX_IMPORTS_PER_SYNC; a dry run tells how many wait"
            )
        for _ in range(START_ATTEMPTS):
            try:
                batch = self._begin(request, asked_at)
            except (Conflict, AlreadyExists):
                continue
            self._context.queues.create(
                Task(
                    QueueName.CONTROL,
                    digest("begin", batch.batch_id),
                    "/control/supervise",
                    {"schema": PAYLOAD_VERSION, "batch": batch.batch_id},
                )
            )
            _log_start(batch, by or batch.trigger)
            return batch
        raise AlreadyRunning(self._context.records.get(Lease, LEASE).present.holder)

    def _begin(self, request: SyncRequest, asked_at: datetime | None) -> Batch:
        context, settings = self._context, self._context.rules.settings
        lease, deployment, asked, breaker = context.records.get_all(
            [(Lease, LEASE), (Deployment, DEPLOYMENT), (AskedSync, ASKED), (BreakerState, BREAKER)]
        )
        self._check_deployment(deployment.record)
        self._check_idle(lease.record)
        flag: AskedSync | None = asked.record
        if asked_at and (flag is None or flag.asked_at != asked_at):
            raise AlreadyRunning(lease.record.holder if lease.record else "")
        now = lease.read_time
        nonce = context.new_id()
        batch_id = f"{now:%Y%m%d-%H%M%S}-{nonce[:6]}"
        try:
            taken = acquired(context, lease.record, batch_id, nonce, now)
        except LeaseHeld as held:
            raise self._held(held) from held
        batch = Batch(
            batch_id=batch_id,
            mode=request.mode,
            trigger=request.trigger,
            prefix=request.prefix or settings.prefix,
            dry_run=request.dry_run,
            delete_policy=request.delete_policy or settings.delete_policy,
            max_deletes=request.max_deletes,
            max_imports=request.max_imports,
            max_estimated_cost=request.max_estimated_cost,
            force=request.force,
            new_store=request.new_store,
            store=deployment.record.target if deployment.record else "",
            nonce=nonce,
            fence=taken.fence,
            preset_rate=settings.tier.rpm,
            created_at=now,
            started_at=now,
            first_slot_at=lease.record.first_slot_at if lease.record else None,
            expires_at=now + context.rules.retention,
        )
        writes: list[Write] = [creating(batch_path(batch_id), batch)]
        writes.append(replacing(lease, taken))
        if flag and flag.asked_at and is_answered_by(batch, context.rules.settings.prefix):
            writes.append(replacing(asked, AskedSync()))
        if not batch.dry_run:
            writes += CallGate(context).running(batch_id, batch.prefix, known=breaker)
        context.records.documents.commit(writes)
        return batch

    def _check_idle(self, lease: Lease | None) -> None:
        """Raise if a batch is open: the supervisor resumes it after its lease expires."""
        holder = holder_of(self._context, lease)
        if holder and holder.record and not holder.record.status.is_terminal:
            raise AlreadyRunning(holder.record.batch_id)

    def _held(self, held: LeaseHeld) -> SyncError:
        """The error for a lease that is in force: its holder is closing, or its record was deleted.

        Without its record a holder can't write any more. But one of its processes may still be at
        work for Gemini, which checks no fence, so the lease is waited for all the same.
        """
        if self._context.records.get(Batch, batch_path(held.holder)).record is not None:
            return AlreadyRunning(held.holder)
        until = held.until.isoformat(timespec="minutes")
        return Refused(
            f"batch {held.holder} was running, and its record was deleted. One of its processes "
            f"may still be at work until {until}: sync again after that. Nothing else is to be "
            "done: the next sync continues with its files"
        )

    def _check_deployment(self, deployment: Deployment | None) -> None:
        settings = self._context.rules.settings
        if deployment is None:
            return
        ours = (settings.bucket, settings.prefix, settings.deployment)
        theirs = (deployment.bucket, deployment.prefix, deployment.deployment)
        if ours != theirs:
            raise Refused(
                f"the records belong to bucket, prefix and deployment {theirs}, but the settings "
                f"say {ours}: use another Firestore database, or the old settings"
            )


def _is_bounded(request: SyncRequest, settings: Settings) -> bool:
    """Whether somebody said how many files the sync may import; a dry run imports none."""
    most = request.max_imports, settings.max_imports_per_sync
    return request.dry_run or any(each is not None for each in most)


def _log_start(batch: Batch, by: str) -> None:
    kind = "dry run" if batch.dry_run else "sync"
    below = f" of {batch.prefix!r}" if batch.prefix else ""
    emit(
        Event.BATCH_STARTED,
        f"Batch {batch.batch_id} began: a {kind}{below}, mode {batch.mode}, asked for by {by}.",
        batch_id=batch.batch_id,
        mode=batch.mode.value,
        trigger=batch.trigger.value,
        dry_run=batch.dry_run,
        prefix=batch.prefix,
    )
