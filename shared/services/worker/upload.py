"""Step one: uploads the object as a raw file of the Files API."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import IO

from shared.domain.errors import (
    GatewayError,
    NameTaken,
    NotFound,
    NotIndexable,
    SourceChanged,
    Throttled,
    Unreadable,
)
from shared.domain.file import attempt, lifecycle, outcomes
from shared.domain.file.record import Accepted, FileRecord, FileStatus, with_working
from shared.domain.ids import raw_file_id
from shared.domain.source.eligibility import SkipReason
from shared.gateways.ports import RemoteFile, RemoteState
from shared.services.throttle.latest_calls import UPLOAD
from shared.services.worker.claim import Abandoned
from shared.services.worker.delivery import Delivery
from shared.services.worker.file_work import GONE
from shared.services.worker.source_content import SourceContent

READ_SIZE = 1 << 20

RAW_FILES = "files/"


class UploadStep:
    """A delivery of the uploads queue; it sends at most one upload."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._gemini = delivery.context.gemini
        self._source = SourceContent(delivery)

    def upload(self, claim_id: str, read_time: datetime) -> None:
        """Claim the file and upload it, unless an interrupted delivery has uploaded it.

        The raw file's name is saved before anything is sent, so that the next delivery can find an
        upload whose reply was lost.
        """
        delivery = self._delivery
        if not delivery.record.desired_key or outcomes.is_back(delivery.record):
            self._end_without_upload(claim_id, read_time)
            return
        resumed = delivery.record.status is FileStatus.UPLOADING
        spent = resumed and delivery.record.tries.attempts >= delivery.policy.max_attempts
        delivery.file.claim(lambda record: self._begun(record, claim_id, read_time))
        try:
            remote = self._earlier_upload() if resumed else None
            if remote is not None:
                self._sent(remote)
            elif spent:
                delivery.try_again("no attempt to upload brought a reply", None)
            else:
                self._send()
        except SourceChanged:
            delivery.replan()
        except NotIndexable as found:
            delivery.skip(SkipReason(found.reason))
        except Unreadable:  # by a later read of the stream
            delivery.skip(SkipReason.UNREADABLE)
        except GatewayError as error:
            if not error.is_of_bucket:
                raise
            delivery.source_unavailable(error)

    def _end_without_upload(self, claim_id: str, read_time: datetime) -> None:
        """End without an upload: the object is gone, skipped, or again as it is indexed."""
        delivery = self._delivery
        delivery.file.claim(
            lambda record: lifecycle.claimed(record, claim_id, read_time, delivery.policy)
        )
        ended = outcomes.kept if delivery.record.desired_key else outcomes.given_up
        delivery.file.apply(lambda record: ended(record, delivery.now()))
        delivery.nudge()

    # --- sending ----------------------------------------------------------------------------

    def _begun(self, record: FileRecord, claim_id: str, read_time: datetime) -> FileRecord:
        key = record.desired_key or ""  # the caller checked that there is one
        name = raw_file_id(self._delivery.store, key, record.upload_epoch)
        begun = attempt.upload_begun(record, RAW_FILES + name)
        return lifecycle.claimed(begun, claim_id, read_time, self._delivery.policy)

    def _send(self) -> None:
        delivery = self._delivery
        with self._source.open() as source:
            delivery.file.count(metered=1)
            try:
                remote = self._gemini.upload(
                    delivery.raw_name.removeprefix(RAW_FILES),
                    source.content,
                    size=source.size,
                    media_type=source.media_type,
                    display_name=delivery.context.rules.settings.relative(delivery.record.path),
                )
            except NameTaken:
                remote = None
            except NotFound as error:
                if error.is_of_bucket:
                    raise SourceChanged(f"{delivery.record.path!r} was replaced") from error
                delivery.metered_failed(error)
                return
            except GatewayError as error:
                if error.is_of_bucket:
                    raise
                delivery.metered_failed(error)
                return
        if remote is None:
            self._adopt_or_restart()
            return
        self._sent(remote, delivery.accepted())
        delivery.gate.succeeded(delivery.permit)

    # --- an upload that is there already ----------------------------------------------------

    def _earlier_upload(self) -> RemoteFile | None:
        """The raw file of an earlier attempt, or None if there is none that can be used.

        A raw file that can't be read in ``max_attempts`` tries counts as unusable.

        Raises:
            HandedOn: the read failed, and is scheduled again.
        """
        delivery = self._delivery
        try:
            remote = delivery.ask(
                lambda: self._gemini.get_file(delivery.raw_name), reraise=(GatewayError,)
            )
        except GONE:
            return None
        except GatewayError as error:
            often = delivery.record.tries.errors_in_a_row >= delivery.policy.max_attempts
            if isinstance(error, Throttled) or not often:
                delivery.retry_later(error)
            delivery.report_to_breaker(error)
            return None
        return remote if self._is_usable(remote) else None

    def _adopt_or_restart(self) -> None:
        """Use the raw file that has the name already, or restart under another name."""
        remote = self._earlier_upload()
        if remote is None:
            self._delivery.restart()
        else:
            self._sent(remote)

    def _is_usable(self, remote: RemoteFile) -> bool:
        """Whether it has not failed, is not about to expire, and has the object's content."""
        delivery = self._delivery
        expiring = (
            remote.expires_at is not None
            and remote.expires_at - delivery.now() < delivery.policy.raw_reserve
        )
        if remote.state is RemoteState.FAILED or expiring:
            return False
        with self._source.open() as source:
            if remote.size not in (None, source.size):
                return False
            return not remote.sha256 or remote.sha256 == _sha256(source.content)

    # --- the end ----------------------------------------------------------------------------

    def _sent(self, remote: RemoteFile, accepted: Accepted | None = None) -> None:
        """Write the raw file's state: it waits for the import's slot.

        If it isn't ACTIVE yet, it mostly is by then, and the import looks. ``accepted`` tells of
        the upload, if this delivery has sent it.
        """
        delivery = self._delivery
        counted = delivery.displaced(accepted, UPLOAD)
        if remote.state is RemoteState.FAILED:
            delivery.try_again(f"the raw file failed: {remote.error}", None, counted)
            return
        earlier = delivery.record.upload_accepted if accepted else None
        try:
            delivery.file.apply(
                lambda record: self._uploaded(record, remote, accepted),
                delivery.displaced(earlier, UPLOAD),
            )
        except Abandoned:  # the reply took too long: another delivery has claimed the file
            delivery.context.records.commit_each(counted)
            raise
        delivery.nudge()

    def _uploaded(
        self, record: FileRecord, remote: RemoteFile, accepted: Accepted | None
    ) -> FileRecord:
        if accepted:
            record = replace(record, upload_accepted=accepted)
        if remote.size != self._delivery.desired.size:
            record = with_working(record, decoded_size=remote.size)
        return attempt.uploaded(
            record,
            remote.expires_at,
            self._delivery.now(),
            self._delivery.policy,
            is_active=remote.state is RemoteState.ACTIVE,
        )


def _sha256(content: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while block := content.read(READ_SIZE):
        digest.update(block)
    return digest.hexdigest()
