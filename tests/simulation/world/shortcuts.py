"""What a run leaves out for speed, unnoticed by the code under test."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from local.firestore.engine import applying, database
from shared.gateways.database import records
from shared.gateways.database.records import Stored
from shared.gateways.ports import Snapshot
from tests.twins import documents

gc.collect()
gc.freeze()  # objects of the modules live as long as the process: exclude them from collection


MOST_DECODED = 20_000
"""Versions that are kept decoded; beyond, all are forgotten, so that memory stays bounded."""


class DecodedOnce:
    """Decodes each version of a document once: records are immutable, so it can be shared."""

    def __init__(self) -> None:
        self._decode = records._stored
        self._known: dict[tuple[type, str, object], Any] = {}

    def __call__(self, kind: type[Any], snapshot: Snapshot) -> Stored[Any]:
        if snapshot.fields is None:
            return self._decode(kind, snapshot)
        key = kind, snapshot.path, snapshot.version
        record = self._known.get(key)
        if record is None:
            stored = self._decode(kind, snapshot)
            if stored.damage is not None:
                return stored
            if len(self._known) >= MOST_DECODED:
                self._known.clear()
            record = self._known[key] = stored.record
        return Stored(snapshot.path, record, snapshot.version, snapshot.read_time)


@contextmanager
def shortcuts() -> Iterator[None]:
    """Apply the shortcuts to one run; garbage is collected at its end."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(records, "_stored", DecodedOnce()))
        # No code changes what it has read, and no document here is near the size limit.
        stack.enter_context(patch.object(documents, "copied", lambda value: value))
        stack.enter_context(patch.object(applying, "document_size", lambda *_: 0))
        # Every query is checked in the tests of services, too.
        stack.enter_context(patch.object(database, "check", lambda _: None))
        gc.disable()
        stack.callback(gc.enable)
        yield
