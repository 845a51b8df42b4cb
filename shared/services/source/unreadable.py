"""Finds out which objects can't be read, though they are listed: by an ACL, a condition or a key.

Such files are skipped and keep their documents. Permissions change without the listing changing, so
these files are found by their state and not by a scan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from shared.domain.errors import GatewayError, Unreadable
from shared.domain.file import outcomes
from shared.domain.file.record import FileRecord
from shared.domain.ids import digest, file_id
from shared.domain.source.eligibility import SkipReason
from shared.domain.source.object_info import ObjectInfo
from shared.gateways.database import queries
from shared.gateways.database.records import Stored, updating
from shared.gateways.ports import Head, Write
from shared.services.context import Context
from shared.services.source.sidecars import planned_sidecar

MOST_PROBES = 100
"""Reads of one sync to find out whether unreadable files can be read again."""

AT_ONCE = 500


class UnreadableFiles:
    """Probes files that could not be read, and skips further ones."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def are_any(self) -> bool:
        """Whether any file is skipped as unreadable."""
        return bool(self._context.records.documents.count(queries.unreadable(1)))

    def probe(self, batch_id: str) -> None:
        """Read a few of the unreadable files; if one can be read, the scan compares them all again.

        Each batch begins at another place, so that none is left out for ever. If the bucket can't
        be read at all, nothing is learned.
        """
        if not self.are_any():
            return
        sample = self._sample(digest("probe", batch_id))
        with suppress(GatewayError):
            heads = self._heads(sample)
            if any(_are_read(found) for found in heads.values()):
                self._forget_all()

    def skip_refused(self, files: Sequence[Stored[FileRecord]]) -> set[str]:
        """Skip those of the files whose read is refused; returns their paths.

        Raises:
            GatewayError: the bucket can't be read.
        """
        to_read = [each.present for each in files if _is_to_be_read(each.present)]
        refused = {
            path
            for path, heads in self._heads(to_read).items()
            if any(isinstance(head, Unreadable) for head in heads)
        }
        now = self._context.clock.now()
        self._write(
            [each for each in files if each.present.path in refused],
            lambda record: outcomes.skipped(record, SkipReason.UNREADABLE, now),
        )
        return refused

    def _sample(self, first: str) -> list[FileRecord]:
        """Unreadable files that take ``MOST_PROBES`` reads at most: from the id ``first`` on."""
        query, records = queries.unreadable(MOST_PROBES), self._context.records
        found = records.query(FileRecord, query.after(first))
        if len(found) < MOST_PROBES:
            found += records.query(FileRecord, query)
        files = list({each.path: each.present for each in found}.values())
        sample, reads = [], 0
        for file in files:
            reads += len(_read_of(self._context, file))
            if reads > MOST_PROBES:
                break
            sample.append(file)
        return sample

    def _heads(self, files: Sequence[FileRecord]) -> dict[str, list[Head]]:
        """The first byte of each file, and that of its sidecar, by the file's path."""
        wanted = {file.path: _read_of(self._context, file) for file in files}
        objects = [info for infos in wanted.values() for info in infos]
        found = self._context.bucket.read_heads(objects, 1) if objects else {}
        return {path: [found[info.name] for info in infos] for path, infos in wanted.items()}

    def _forget_all(self) -> None:
        """Forget that the files were unreadable; the scan decides about each of them."""
        page = query = queries.unreadable(AT_ONCE)
        while found := self._context.records.query(FileRecord, page):
            self._write(found, lambda record: replace(record, verdict=None, rescan=True))
            page = query.after(file_id(found[-1].present.path))

    def _write(
        self, files: Sequence[Stored[FileRecord]], change: Callable[[FileRecord], FileRecord]
    ) -> None:
        """Change the records; one that another writer has changed meanwhile is left to it."""
        writes: list[Write] = []
        for each in files:
            after = change(each.present)
            if after != each.present:
                writes.append(updating(each.path, after, each.version, each.present))
        self._context.records.commit_each(writes)


def _is_to_be_read(file: FileRecord) -> bool:
    """Whether an upload reads it: not if it is to be skipped, or is indexed as it is wanted."""
    return file.desired_key is not None and not outcomes.is_back(file)


def _are_read(heads: Sequence[Head]) -> bool:
    return bool(heads) and all(isinstance(head, bytes) for head in heads)


def _read_of(context: Context, file: FileRecord) -> list[ObjectInfo]:
    """The objects that an upload of the file reads: its own, and its sidecar."""
    desired = file.desired
    if desired is None or desired.generation is None:
        return []

    def listed(name: str, generation: int) -> ObjectInfo:
        return ObjectInfo(name, desired.size, generation, 0, "", "", context.clock.now())

    objects = [listed(file.path, desired.generation)]
    if desired.sidecar_generation is not None:
        objects.append(listed(planned_sidecar(context, file.path), desired.sidecar_generation))
    return objects
