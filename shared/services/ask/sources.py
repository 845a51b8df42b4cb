"""The files that the passages of a reply are from, by the documents' metadata or the records."""

from __future__ import annotations

from typing import Any

from shared.domain.ask import answer
from shared.domain.ask.plain_text import plain_text
from shared.domain.ask.reply import Passage, Reply
from shared.domain.file.ledger import LedgerEntry
from shared.domain.file.record import FileRecord
from shared.gateways.database import queries
from shared.gateways.database.records import Records, file_path


class Sources:
    """Finds the file of each passage that supports something.

    A document's metadata tell its path and its owner. Where the service leaves them out, the title
    is the id of the raw file, by which the ledger of imports knows the path. What neither tells is
    somebody else's.
    """

    def __init__(self, records: Records, bucket: str, owner: str) -> None:
        self._records = records
        self._bucket = bucket
        self._owner = owner

    def ours(self, reply: Reply) -> dict[int, dict[str, Any]]:
        """The sources among the passages that support something and are ours, by their index."""
        paths = {}
        for index in answer.supporting(reply):
            if path := self._path_of(reply.passages[index]):
                paths[index] = path
        wanted = [(FileRecord, file_path(path)) for path in paths.values()]
        records = self._records.get_all(wanted) if wanted else []
        return {
            index: self._row(reply.passages[index], path, stored.record)
            for (index, path), stored in zip(paths.items(), records, strict=True)
        }

    def _path_of(self, passage: Passage) -> str | None:
        ours = answer.is_ours(passage, self._owner)
        if ours is False:
            return None
        path, key = passage.metadata.get("path"), passage.metadata.get("content_key")
        if ours and isinstance(path, str):
            # A long name is shortened in the metadata; the ledger has it as it is.
            return (self._named_by(str(key)) or path) if _may_be_short(path) else path
        raw_file = answer.raw_file_of(passage)
        return self._imported_from(raw_file) if raw_file else None

    def _imported_from(self, raw_file: str) -> str | None:
        found = self._records.query(LedgerEntry, queries.imports_of_raw_file(raw_file))
        return found[0].present.path if found else None

    def _named_by(self, content_key: str) -> str | None:
        found = self._records.query(LedgerEntry, queries.imports_of_key(content_key))
        return found[0].present.path if found else None

    def _row(self, passage: Passage, path: str, record: FileRecord | None) -> dict[str, Any]:
        """The source as an answer tells it; the generation only where it is what was indexed."""
        is_latest = record and record.current and record.current.key == record.desired_key
        generation = record.desired.generation if record and record.desired and is_latest else None
        return {
            "path": path,
            "uri": f"gs://{self._bucket}/{path}",
            "generation": None if generation is None else str(generation),
            "page": passage.page,
            "passage": plain_text(passage.text),
            "picture": passage.media,
            "metadata": answer.users_own(passage),
        }


def _may_be_short(path: str) -> bool:
    return "\u2026/" in path
