"""Damage to the database between two syncs: records and memories that are lost or malformed."""

from __future__ import annotations

from random import Random
from typing import Any

from shared.gateways.database.records import DEPLOYMENT, UNCERTAIN_SEARCH
from shared.gateways.ports import Delete, Query, Update
from tests.twins.documents import MemoryDocuments

SHARE = 0.15
"""Share of the runs with damage."""

MALFORMED: tuple[dict[str, Any], ...] = (
    {"status": "hibernating"},
    {"desired": "everything"},
    {"schedule": 7},
    {"path": ["x"]},
)
"""What somebody or a newer version may have written to a file's document."""


def damage(documents: MemoryDocuments, chance: Random) -> list[str]:
    """Damage a few documents of files that are at rest, and some memories; returns their paths.

    Records are not lost together with what is remembered of their ranges: then nothing tells that
    they were there.
    """
    files = [each.path for each in documents.query(Query("files"))]
    chosen = chance.sample(files, min(len(files), chance.choice((0, 1, 1, 2, 5))))
    losses = chance.random() < 0.5
    for path in chosen:
        documents.commit([Delete(path) if losses else Update(path, chance.choice(MALFORMED))])
    memories = [] if losses else [each.path for each in documents.query(Query("ranges"))]
    for path in chance.sample(memories, chance.randint(0, len(memories))):
        documents.commit([Update(path, {"counts": "many"})])
        chosen.append(path)
    for path, fields in ((DEPLOYMENT, {"store": ""}), (UNCERTAIN_SEARCH, {"wanted": 3})):
        if documents.get(path).exists and chance.random() < 0.3:
            documents.commit([Update(path, fields)])
            chosen.append(path)
    return chosen
