"""What a server does by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from local.firestore import server
from local.firestore.api.databases import Databases
from local.firestore.refusals import Code, Refused
from local.firestore.settings import Settings
from tests.patience import PATIENCE

if TYPE_CHECKING:
    import pytest


def test_expired_documents_are_deleted_after_a_disk_was_full(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[float] = []
    again = asyncio.Event()

    def delete_expired(_: Databases, delay: float) -> int:
        attempts.append(delay)
        if len(attempts) == 1:
            raise Refused(Code.RESOURCE_EXHAUSTED, "The state can't be written.")
        again.set()
        return 0

    async def serve() -> None:
        async with server.serving(Settings()):
            await asyncio.wait_for(again.wait(), PATIENCE)

    monkeypatch.setattr(server, "SWEEP_INTERVAL", 0.01)
    monkeypatch.setattr(Databases, "delete_expired", delete_expired)
    asyncio.run(serve())
    assert caplog.messages == ["expired documents can't be deleted: The state can't be written."]
