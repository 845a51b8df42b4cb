"""Prepares a deployment as a first sync leaves it, without syncing every file: one file is synced,
and its records are the pattern for all others."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from shared.domain.batch.batch import Batch, PageResult
from shared.domain.estimate.budget import BudgetState
from shared.domain.file.record import Change
from shared.domain.ids import raw_file_id
from shared.domain.scan.comparison import Wanted
from shared.domain.scan.remembered_range import RememberedRange, listing_digest
from shared.domain.source.object_info import ObjectInfo
from shared.domain.source.tokens import tokens_of
from shared.gateways.database.codec import to_fields
from shared.gateways.database.records import (
    batch_path,
    file_path,
    operation_path,
    page_path,
    range_path,
    window_path,
)
from shared.gateways.ports import Query
from shared.services.source.inspection import inspect
from shared.services.worker.upload import RAW_FILES
from tests.twins.imports import Import
from tests.world import World

AT_ONCE = 1_000
"""Objects that are inspected together."""


def library(count: int) -> dict[str, bytes]:
    """``count`` files, in the order of their names."""
    return {f"shelf {n // 250:03d}/note {n:06d}.md": b"note %d" % n for n in range(count)}


def settle(world: World, files: Mapping[str, bytes]) -> None:
    """Write what a first sync of these files, without sidecars, would have written.

    Args:
        world: A new one, whose bucket gets the files.
        files: Contents by name, in the order of their names.
    """
    first, content = next(iter(files.items()))
    world.bucket.put(first, content)
    world.sync()
    for name, content in files.items():
        if name != first:
            world.bucket.put(name, content)
    world.documents.lay(_documents(world, first))


def _documents(world: World, first: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The documents of all objects but the first, which has been synced."""
    laid = _Laid(world)
    objects = world.bucket.list_objects(prefix="", limit=len(world.bucket))
    yield from laid.scan(objects)
    for start in range(0, len(objects), AT_ONCE):
        for want in inspect(world.context, objects[start : start + AT_ONCE], {}):
            if want.path != first:
                yield from laid.file(want)


class _Laid:
    """Makes the writes of a sync of many files, from the pattern of one file."""

    def __init__(self, world: World) -> None:
        self._world = world
        records = world.records
        (self._batch,) = [each.present for each in records.query(Batch, Query("batches"))]
        (self._file,) = world.files()
        self._pattern = {**to_fields(self._file), "change": Change.NEW.value}
        (operation,) = world.documents.query(Query("operations"))
        self._operation = dict(operation.fields or {})
        pages = Query(f"{batch_path(self._batch.batch_id)}/pages")
        (self._page,) = [each.present for each in records.query(PageResult, pages)]
        (self._range,) = [each.present for each in records.query(RememberedRange, Query("ranges"))]
        self._entries = world.documents.query(Query("breaker/state/window"))
        self._store = world.gemini._stores[self._batch.store]
        (self._import,) = self._store.imports.values()

    # --- writes of the scan -------------------------------------------------------------------

    def scan(self, objects: list[ObjectInfo]) -> Iterator[tuple[str, dict[str, Any]]]:
        """The batch, its pages, and the ranges that remember them."""
        count = len(objects)
        batch = replace(
            self._batch,
            counts={name: each * count for name, each in self._batch.counts.items()},
            requests={name: each * count for name, each in self._batch.requests.items()},
            storage_room=self._room_beside(objects),
            budget=self._budget_beside(objects),
            cost=self._cost_of(objects),
        )
        yield batch_path(batch.batch_id), to_fields(batch)
        size = self._world.rules.page_size
        for index, first in enumerate(range(0, count, size)):
            rows = objects[first : first + size]
            start = rows[0].name if index else ""
            end = objects[first + size].name if first + size < count else ""
            page = replace(
                self._page,
                index=index,
                start=start,
                next_start=end,
                counts={name: first + len(rows) for name in self._page.counts},
            )
            yield page_path(batch.batch_id, index), to_fields(page)
            remembered = replace(
                self._range,
                start=start,
                end=end,
                listing=listing_digest(rows, {}),
                counts={name: each * len(rows) for name, each in self._range.counts.items()},
            )
            yield range_path(start), to_fields(remembered)

    def _cost_of(self, objects: list[ObjectInfo]) -> float:
        """What the imports of all objects cost; each is added up, as the database does."""
        price = self._world.rules.settings.price
        assert price is not None
        return math.fsum(price.cost(tokens_of("text/markdown", info.size)) for info in objects)

    def _budget_beside(self, objects: list[ObjectInfo]) -> BudgetState:
        """The budget that the first batch would have saved for all objects."""
        assert self._batch.budget is not None
        return replace(self._batch.budget, spent=self._cost_of(objects))

    def _room_beside(self, objects: list[ObjectInfo]) -> int:
        """The storage room that the first batch would have saved for all objects."""
        left = self._batch.storage_room
        assert left is not None
        return left - sum(info.size for info in objects) + self._file.desired_size

    # --- writes for each file -----------------------------------------------------------------

    def file(self, want: Wanted) -> Iterator[tuple[str, dict[str, Any]]]:
        """The records of one file, and its document in the store."""
        operation_id = self._world.context.new_id()
        made = self._imported(want)
        call = {"id": operation_id, "operation": made.operation}
        yield file_path(want.path), self._indexed(want, made, call)
        told = {
            "operation_id": operation_id,
            "path": want.path,
            "content_key": want.key,
            "raw_file": RAW_FILES + raw_file_id(self._store.name, want.key, 0),
        }
        yield operation_path(operation_id), {**self._operation, **told}
        for entry in self._entries:
            yield window_path(self._world.context.new_id()), dict(entry.fields or {})

    def _imported(self, want: Wanted) -> Import:
        serial = self._world.gemini._next_id("doc")
        pattern = self._import.document
        metadata = {
            **pattern.metadata,
            "path": want.path,
            "content_hash": want.content_hash,
            "content_key": want.key,
        }
        name = f"{self._store.name}/documents/{serial}"
        document = replace(pattern, name=name, size=want.size, metadata=metadata)
        operation = f"{self._store.name}/operations/{serial}"
        made = replace(self._import, document=document, operation=operation)
        self._store.imports[name] = made
        return made

    def _indexed(self, want: Wanted, made: Import, call: dict[str, Any]) -> dict[str, Any]:
        hashes = to_fields(want.hashes)
        desired = {
            "key": want.key,
            "generation": want.generation,
            "metageneration": want.metageneration,
            "size": want.size,
            "content_hash": want.content_hash,
            "hashes": hashes,
            "metadata_digest": want.metadata_digest,
            "media_type": want.media_type,
        }
        current = {
            "key": want.key,
            "document": made.document.name,
            "content_hash": want.content_hash,
            "size": want.size,
            "hashes": hashes,
            "import_call": call,
        }
        changed = {"path": want.path, "desired": {**self._pattern["desired"], **desired}}
        return {**self._pattern, **changed, "current": current}
