"""Deletes documents whose end has come ("time to live").

The service deletes them within a day after the time in their field; until then they are found.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final

from local.firestore.engine.backend import Backend
from local.firestore.engine.database import Database
from local.firestore.engine.write import Write
from local.firestore.indexes.index_set import IndexSet, Mode
from local.firestore.indexes.scan import Scan, part
from local.firestore.query.document import Micros

BATCH: Final = 200
"""Documents of one commit."""


def delete_expired(backend: Backend, database: Database, indexes: IndexSet, before: Micros) -> int:
    """Delete up to ``BATCH`` documents of each collection that ended before a time.

    Returns:
        How many were deleted; if any, there may be more.
    """
    end = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=before)
    first = part(datetime(1, 1, 1, tzinfo=UTC), Mode.ASCENDING)
    deleted = 0
    for index in indexes.of_ends():
        scan = Scan(index, "", first, part(end, Mode.ASCENDING))
        paths = [each.path for each in islice(backend.scan(scan), BATCH)]
        if paths:
            database.commit([Write(path, None) for path in paths])
        deleted += len(paths)
    return deleted
