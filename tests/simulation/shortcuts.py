"""What a run leaves out for speed: nothing that the code under test could notice."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from shared.gateways.database import records
from shared.gateways.database.records import Stored
from shared.gateways.ports import Snapshot
from tests.twins import documents

gc.collect()
gc.freeze()  # what the modules made lives as long as the process: no collection looks at it again


class DecodedOnce:
    """Decodes a document's version once: records are values, so the same one serves everybody."""

    def __init__(self) -> None:
        self._decode = records._stored
        self._known: dict[tuple[type, str, object], Any] = {}

    def __call__(self, kind: type[Any], snapshot: Snapshot) -> Stored[Any]:
        if snapshot.fields is None:
            return self._decode(kind, snapshot)
        key = kind, snapshot.path, snapshot.version
        record = self._known.get(key)
        if record is None:
            record = self._known[key] = self._decode(kind, snapshot).record
        return Stored(snapshot.path, record, snapshot.version, snapshot.read_time)


@contextmanager
def shortcuts() -> Iterator[None]:
    """For one run; its garbage waits for its end."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(records, "_stored", DecodedOnce()))
        # Nobody changes what was read, and no document here comes near the limit of its size.
        stack.enter_context(patch.object(documents, "_copy", lambda value: value))
        stack.enter_context(patch.object(documents, "_document_bytes", lambda *_: 0))
        gc.disable()
        stack.callback(gc.enable)
        yield
