"""Step two: the raw file is imported into the store, with its searchable metadata.

``import_file`` is not idempotent. So the intent is written first, as ``operations/{id}``, in the
very write that claims the file; and whoever finds an intent without a reply looks in the store
before anything is sent again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.errors import (
    Denied,
    GatewayError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    SourceChanged,
)
from shared.domain.file import lifecycle, transfer
from shared.domain.file.operation import OperationRecord, OperationState
from shared.domain.file.record import FileRecord
from shared.domain.source.metadata import CustomMetadata, build_custom_metadata, sidecar_name
from shared.domain.throttle.breaker import CircuitState
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import creating, operation_path
from shared.gateways.ports import ImportOperation, ObjectInfo, Put
from shared.services.source.inspection import wanted_metadata
from shared.services.worker.delivery import Dispatch
from shared.services.worker.finish_import import Indexing

FAILED_PRECONDITION = "FAILED_PRECONDITION"
"""The status of a 400 that may pass: the raw file was not ready."""


class ImportStep:
    """A dispatch of the uploads queue: at most one ``import_file``."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self._gemini = dispatch.context.gemini

    def import_file(self, claim_id: str, read_time: datetime) -> None:
        """Claim the file, import it, and follow the import for a moment."""
        dispatch = self._dispatch
        record = dispatch.record

        def claimed(before: FileRecord) -> FileRecord:
            return lifecycle.claimed(before, claim_id, read_time, dispatch.policy)

        if self._is_useless():
            dispatch.file.claim(claimed)
            self._start_over()
            return
        try:
            metadata = self._metadata()
        except SourceChanged:
            dispatch.file.claim(claimed)
            dispatch.aim_again()
            return
        except GatewayError as error:  # the bucket's: nothing else is asked there
            dispatch.file.claim(claimed)
            dispatch.source_unavailable(error)
            return
        intent = OperationRecord(
            operation_id=dispatch.context.new_id(),
            path=record.path,
            content_key=record.working_key,
            raw_file=record.raw_file,
            store=dispatch.store,
            batch_id=dispatch.batch_id,
            created_at=dispatch.now(),
            expires_at=dispatch.now() + dispatch.context.rules.retention,
        )

        def begun(before: FileRecord) -> FileRecord:
            return claimed(transfer.import_begun(before, intent.operation_id, metadata.reports))

        dispatch.file.claim(begun, [creating(operation_path(intent.operation_id), intent)])
        self._send(intent, metadata)

    def _send(self, intent: OperationRecord, metadata: CustomMetadata) -> None:
        dispatch = self._dispatch
        dispatch.file.count("metered")
        try:
            operation = self._gemini.import_file(
                intent.store, intent.raw_file, metadata.entries, dispatch.context.chunking
            )
        except OutcomeUnknown as error:
            state = dispatch.traffic.failed(error, dispatch.permit)
            dispatch.file.apply(
                lambda record: transfer.import_uncertain(
                    record,
                    dispatch.now(),
                    dispatch.policy,
                    in_storm=state is CircuitState.OPEN,
                ),
                [self._noted(replace(intent, error_message=str(error)))],
            )
        except (NotFound, Denied) as error:  # the raw file expired, or the account's fault
            if dispatch.may_be_account_fault(error):
                dispatch.give_back([self._failed(intent, error)])
            else:
                dispatch.restart([self._failed(intent, error)])
        except Rejected as error:
            if error.status == FAILED_PRECONDITION:
                dispatch.try_again(str(error), error.code, [self._failed(intent, error)])
            else:
                dispatch.metered_failed(error, [self._failed(intent, error)])
        except GatewayError as error:
            dispatch.metered_failed(error, [self._failed(intent, error)])
        else:
            self._started(intent, operation)

    def _started(self, intent: OperationRecord, operation: ImportOperation) -> None:
        dispatch = self._dispatch
        started = replace(intent, state=OperationState.IN_PROGRESS, operation_name=operation.name)
        dispatch.file.apply(
            lambda record: transfer.import_started(
                record, operation.name, dispatch.now(), dispatch.policy
            ),
            [self._noted(started), dispatch.success_entry("import_file")],
        )
        dispatch.traffic.succeeded(dispatch.permit)
        Indexing(dispatch).go_on(operation)

    # --- before -----------------------------------------------------------------------------

    def _is_useless(self) -> bool:
        """The raw file is of content no longer wanted, or about to expire."""
        record = self._dispatch.record
        expiring = (
            record.raw_expires_at is not None
            and record.raw_expires_at - self._dispatch.now() < self._dispatch.policy.raw_reserve
        )
        return expiring or record.working_key != record.desired_key

    def _start_over(self) -> None:
        dispatch = self._dispatch
        try:
            dispatch.ask(
                lambda: self._gemini.delete_file(dispatch.record.raw_file), but=(GatewayError,)
            )
        except GatewayError as error:  # it expires by itself
            dispatch.note(error)
        dispatch.restart()

    def _metadata(self) -> CustomMetadata:
        """The entries of the document, from the object as it was planned.

        Raises:
            SourceChanged: object or sidecar are not what was planned any more.
        """
        context, record = self._dispatch.context, self._dispatch.record
        info = context.bucket.stat(record.path)
        if info is None or info.generation != record.desired_generation:
            raise SourceChanged(f"{record.path!r} was replaced or removed")
        sidecar = self._sidecar()
        if wanted_metadata(context, info, sidecar) != record.desired_metadata_digest:
            raise SourceChanged(f"the metadata of {record.path!r} changed")
        rules = context.rules
        return build_custom_metadata(
            path=rules.relative(record.path),
            content_hash=record.working_content_hash,
            content_key=record.working_key,
            owner=rules.owner,
            template=rules.path_template,
            object_metadata=info.metadata,
            sidecar=self._read(sidecar) if sidecar else None,
            expected_fields=rules.expected_fields,
        )

    def _sidecar(self) -> ObjectInfo | None:
        record = self._dispatch.record
        if not record.desired_sidecar_generation:
            return None
        sidecar = self._dispatch.context.bucket.stat(sidecar_name(record.path))
        if sidecar is None or sidecar.generation != record.desired_sidecar_generation:
            raise SourceChanged(f"the sidecar of {record.path!r} was replaced or removed")
        return sidecar

    def _read(self, sidecar: ObjectInfo) -> bytes:
        try:
            content = self._dispatch.context.bucket.open(sidecar.name, sidecar.generation)
        except NotFound as error:
            raise SourceChanged(f"{sidecar.name!r} was replaced or removed") from error
        with content:
            return content.read()

    # --- the operation's document -----------------------------------------------------------

    def _failed(self, intent: OperationRecord, error: GatewayError) -> Put:
        return self._noted(
            replace(
                intent,
                state=OperationState.FAILED,
                error_message=str(error),
                completed_at=self._dispatch.now(),
            )
        )

    def _noted(self, operation: OperationRecord) -> Put:
        return Put(operation_path(operation.operation_id), to_fields(operation))
