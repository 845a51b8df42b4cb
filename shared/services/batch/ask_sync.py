"""Asks for a sync, since the bucket has told of a change; and begins it when its time has come."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain.batch.asked_sync import AskedSync, may_begin_at
from shared.domain.batch.batch import Batch, Trigger
from shared.domain.batch.lease import Lease
from shared.domain.batch.request import SyncRequest
from shared.domain.errors import AlreadyRunning, InvalidRequest, InvalidTask, Refused
from shared.gateways.database.records import ASKED, Stored, batch_path
from shared.services.batch.start import StartSync
from shared.services.context import Context
from shared.services.events import Event, emit

_log = logging.getLogger(__name__)


class Asked(StrEnum):
    """What became of a notification; each of these acknowledges it."""

    ASKED = "asked"
    ASKED_ALREADY = "asked_already"
    NOT_OURS = "not_ours"


class _Attributes(BaseModel):
    """The attributes of a Cloud Storage notification that matter here."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    bucket: str = Field(alias="bucketId")
    name: str = Field(alias="objectId")
    kind: str = Field(alias="eventType")


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    attributes: _Attributes


class _Push(BaseModel):
    """The body of a Pub/Sub push request, in its wrapped form."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    message: _Message


class AskSync:
    """Handles a notification: sets one flag, and no more."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __call__(self, body: Mapping[str, Any]) -> Asked:
        """Ask for a sync, if the notification is of this deployment's part of the bucket.

        A burst of changes costs a read each, and one write.

        Raises:
            InvalidTask: the body is no notification of Cloud Storage.
            GatewayError: Firestore failed; answer 5xx, so that Pub/Sub sends it again.
        """
        told = _told(body)
        settings, asked = self._context.rules.settings, False
        if told.bucket != settings.bucket or not told.name.startswith(settings.prefix):
            return Asked.NOT_OURS

        def decide(stored: Stored[AskedSync]) -> AskedSync | None:
            nonlocal asked
            asked = stored.record is None or stored.record.asked_at is None
            return AskedSync(self._context.clock.now()) if asked else None

        self._context.records.change(AskedSync, ASKED, decide)
        if not asked:
            return Asked.ASKED_ALREADY
        emit(
            Event.SYNC_ASKED_FOR,
            f"A sync is asked for, since {told.name!r} has changed ({told.kind}).",
            path=told.name,
            kind=told.kind,
        )
        return Asked.ASKED


class AskedSyncs:
    """Begins the sync that was asked for, as the supervisor, while no batch runs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def begin(self, lease: Lease | None) -> Batch | None:
        """Begin it if its time has come; returns its batch, or None.

        Args:
            lease: The lease, which nobody holds.

        Raises:
            GatewayError: Firestore or Cloud Tasks failed; the next call tries again.
        """
        context = self._context
        asked = context.records.get(AskedSync, ASKED).record
        if asked is None or asked.asked_at is None:
            return None
        last = context.records.get(Batch, batch_path(lease.holder)).record if lease else None
        pause = context.rules.event_pause
        if context.clock.now() < may_begin_at(asked.asked_at, last, pause):
            return None
        try:
            request = SyncRequest(trigger=Trigger.SCHEDULER)
            return StartSync(context)(request, by="an event", asked_at=asked.asked_at)
        except AlreadyRunning:  # somebody was faster, and that sync answers the event as well
            return None
        except (Refused, InvalidRequest) as refusal:
            _log.warning("the sync that the bucket asked for was refused: %s", refusal)
            return None


def _told(body: Mapping[str, Any]) -> _Attributes:
    try:
        return _Push.model_validate(body).message.attributes
    except ValidationError as error:
        missing = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise InvalidTask(f"this is no notification of Cloud Storage: {missing}") from None
