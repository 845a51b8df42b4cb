"""Step two: imports the raw file into the store, with its searchable metadata.

``import_file`` is not idempotent. So the commit that claims the file also writes the intent, as
``operations/{id}``. If a delivery finds an intent without a reply, the store is searched for the
document before anything is sent again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.errors import (
    BadRequest,
    Forbidden,
    GatewayError,
    NotFound,
    NotIndexable,
    OutcomeUnknown,
    SourceChanged,
    Unreadable,
)
from shared.domain.file import attempt, ledger, lifecycle
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileRecord
from shared.domain.metadata.metadata import MAX_REPORTS, CustomMetadata, DocumentIdentity
from shared.domain.source.eligibility import SkipReason
from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.sidecar_name import MAX_SIDECAR_SIZE
from shared.domain.source.tokens import tokens_of
from shared.domain.throttle.breaker_state import CircuitState
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import creating, operation_path
from shared.gateways.ports import ImportOperation, Put, RemoteState, Update
from shared.services.source.content import open_content
from shared.services.source.inspection import metadata_sources
from shared.services.source.sidecars import find_sidecar, names_in_other_forms
from shared.services.throttle.latest_calls import IMPORT
from shared.services.worker.claim import Abandoned
from shared.services.worker.delivery import Delivery

FAILED_PRECONDITION = "FAILED_PRECONDITION"
"""The status of a 400 that may pass: the raw file is not ready."""


class ImportStep:
    """A delivery of the uploads queue; it sends at most one ``import_file``."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._gemini = delivery.context.gemini

    def import_file(self, claim_id: str, read_time: datetime) -> None:
        """Claim the file and send the import; the poller follows it."""
        delivery = self._delivery

        def claimed(before: FileRecord) -> FileRecord:
            return lifecycle.claimed(before, claim_id, read_time, delivery.policy)

        if self._is_raw_file_unusable():
            delivery.file.claim(claimed)
            self._discard_raw_file()
            return
        if not self._is_raw_file_active():
            delivery.file.claim(claimed)
            delivery.file.apply(
                lambda before: attempt.raw_isnt_active(before, delivery.now(), delivery.policy)
            )
            delivery.wake(delivery.now() + delivery.policy.raw_look_first)
            return
        try:
            metadata = self._metadata()
        except SourceChanged:
            delivery.file.claim(claimed)
            delivery.replan()
            return
        except Unreadable:
            delivery.file.claim(claimed)
            delivery.skip(SkipReason.UNREADABLE)
            return
        except GatewayError as error:  # of the bucket, the only service called above
            delivery.file.claim(claimed)
            delivery.source_unavailable(error)
            return
        intent = self._intent()

        def begun(before: FileRecord) -> FileRecord:
            return claimed(attempt.import_begun(before, intent.operation_id, metadata.reports))

        delivery.file.claim(begun, [creating(operation_path(intent.operation_id), intent)])
        self._send(intent, metadata)

    def _intent(self) -> LedgerEntry:
        """The ledger entry of the import about to be sent, with its estimated cost."""
        delivery, rules = self._delivery, self._delivery.context.rules
        tokens, price = self._tokens(), rules.settings.price
        return LedgerEntry(
            operation_id=delivery.context.new_id(),
            path=delivery.record.path,
            content_key=delivery.working.key,
            raw_file=delivery.raw_name,
            store=delivery.store,
            batch_id=delivery.batch_id,
            created_at=delivery.now(),
            expires_at=delivery.now() + rules.retention,
            tokens=tokens,
            cost=price.cost(tokens) if price else None,
            currency=price.currency if price else None,
        )

    def _tokens(self) -> int:
        """Estimated tokens, by the size that was uploaded if that was not known to the scan."""
        desired, size = self._delivery.desired, self._delivery.working.decoded_size
        if size is None:
            return desired.tokens
        picture = self._delivery.context.rules.settings.picture_tokens
        return tokens_of(desired.media_type or "", size, picture=picture)

    def _send(self, intent: LedgerEntry, metadata: CustomMetadata) -> None:
        delivery = self._delivery
        delivery.file.count(metered=1)
        try:
            operation = self._gemini.import_file(
                intent.store, intent.raw_file, metadata.entries, delivery.context.chunking
            )
        except OutcomeUnknown as error:
            state = delivery.gate.failed(error, delivery.permit)
            delivery.file.apply(
                lambda record: attempt.import_uncertain(
                    record,
                    delivery.now(),
                    delivery.policy,
                    in_storm=state is CircuitState.OPEN,
                )
            )
        except (NotFound, Forbidden) as error:  # the raw file expired, or an account fault
            if delivery.may_be_account_fault(error):
                delivery.give_back([self._ledger_failure(intent, error)])
            else:
                delivery.restart([self._ledger_failure(intent, error)])
        except BadRequest as error:
            if error.status == FAILED_PRECONDITION:
                delivery.try_again(str(error), error.code, [self._ledger_failure(intent, error)])
            else:
                delivery.metered_failed(error, [self._ledger_failure(intent, error)])
        except GatewayError as error:
            delivery.metered_failed(error, [self._ledger_failure(intent, error)])
        else:
            self._started(intent, operation)

    def _started(self, intent: LedgerEntry, operation: ImportOperation) -> None:
        """Save the operation's name in the file's record, or in the ledger if the claim is lost."""
        delivery = self._delivery
        look_at = delivery.now() + delivery.policy.look_first
        accepted, earlier = delivery.accepted(), delivery.record.import_accepted

        def started(before: FileRecord) -> FileRecord:
            now = delivery.now()
            known = attempt.import_started(before, operation.name, now, delivery.policy)
            known = replace(known, import_accepted=accepted)
            return lifecycle.to_be_looked_at(known, look_at, now, delivery.policy)

        try:
            delivery.file.apply(started, delivery.displaced(earlier, IMPORT))
        except Abandoned:  # the reply took too long: another delivery has claimed the file
            note = Update(operation_path(intent.operation_id), {"operation": operation.name})
            counted = delivery.displaced(accepted, IMPORT)
            delivery.context.records.commit_each([note, *counted])
            raise
        delivery.gate.succeeded(delivery.permit)
        delivery.wake(look_at)

    # --- before -----------------------------------------------------------------------------

    def _is_raw_file_unusable(self) -> bool:
        """Whether the raw file has other content than the object, or is about to expire."""
        record = self._delivery.record
        expires_at = record.raw_file.expires_at if record.raw_file else None
        expiring = (
            expires_at is not None
            and expires_at - self._delivery.now() < self._delivery.policy.raw_reserve
        )
        return expiring or record.working_key != record.desired_key

    def _is_raw_file_active(self) -> bool:
        """Whether the raw file can be imported; False if that can't be read either."""
        delivery = self._delivery
        raw_file = delivery.record.raw_file
        if raw_file is None or raw_file.is_active:
            return True
        delivery.file.count(unmetered=1)
        try:
            return self._gemini.get_file(raw_file.name).state is RemoteState.ACTIVE
        except GatewayError as error:
            delivery.report_to_breaker(error)
            return False

    def _discard_raw_file(self) -> None:
        delivery = self._delivery
        try:
            delivery.ask(
                lambda: self._gemini.delete_file(delivery.raw_name), reraise=(GatewayError,)
            )
        except GatewayError as error:  # the raw file expires by itself
            delivery.report_to_breaker(error)
        delivery.file.apply(
            lambda record: attempt.raw_file_outlived(record, delivery.now(), delivery.policy)
        )
        delivery.nudge()

    def _metadata(self) -> CustomMetadata:
        """The document's metadata entries, made from the object that was planned.

        Raises:
            SourceChanged: the object or its sidecar has changed since.
        """
        context, record = self._delivery.context, self._delivery.record
        desired, working = self._delivery.desired, self._delivery.working
        info = context.bucket.stat(record.path)
        if info is None or info.generation != desired.generation:
            raise SourceChanged(f"{record.path!r} was replaced or removed")
        sidecar = self._sidecar()
        sources = metadata_sources(context, info, sidecar)
        if sources.digest() != desired.metadata_digest:
            raise SourceChanged(f"the metadata of {record.path!r} changed")
        settings = context.rules.settings
        document = DocumentIdentity(
            settings.relative(record.path), working.content_hash, working.key, settings.owner
        )
        metadata = sources.entries(document, self._read(sidecar) if sidecar else None)
        reports = (*self._twin_reports(), *metadata.reports)
        return replace(metadata, reports=reports[:MAX_REPORTS])

    def _twin_reports(self) -> list[str]:
        """Reports of other objects whose names differ in their Unicode form only."""
        context = self._delivery.context
        twins = names_in_other_forms(context, self._delivery.record.path)
        return [
            f"another object has this name in another Unicode form: {twin!a}"
            for twin in twins
            if context.bucket.stat(twin)
        ]

    def _sidecar(self) -> ObjectInfo | None:
        record, generation = self._delivery.record, self._delivery.desired.sidecar_generation
        if generation is None:
            return None
        sidecar = find_sidecar(self._delivery.context, record.path)
        if sidecar is None or sidecar.generation != generation:
            raise SourceChanged(f"the sidecar of {record.path!r} was replaced or removed")
        return sidecar

    def _read(self, sidecar: ObjectInfo) -> bytes:
        """The sidecar, or one byte more than it may have; nothing if it can't be decoded."""
        bucket, encoding = self._delivery.context.bucket, sidecar.content_encoding
        try:
            content = open_content(bucket, sidecar.name, sidecar.generation, encoding)
        except NotFound as error:
            raise SourceChanged(f"{sidecar.name!r} was replaced or removed") from error
        with content:
            try:
                return content.read(MAX_SIDECAR_SIZE + 1)
            except NotIndexable:
                return b""

    # --- the ledger -------------------------------------------------------------------------

    def _ledger_failure(self, intent: LedgerEntry, error: GatewayError) -> Put:
        """The ledger write of an import that had no effect."""
        refused = ledger.refused(intent, str(error), self._delivery.now())
        return Put(operation_path(intent.operation_id), to_fields(refused))
