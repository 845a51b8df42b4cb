"""A deployment on the in-memory twins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

from shared.domain.batch.batch import SyncMode
from shared.gateways.ports import Gemini, ImportOperation
from tests.model.library import Entry, stored
from tests.services.story import SECOND
from tests.simulation.faults.faulty_ports import Call, GatedPort
from tests.world import World, rules

T = TypeVar("T")


class Twins:
    """A world on which a story is played."""

    def __init__(self, page_size: int) -> None:
        self._world = world = World(rules(page_size=page_size))
        self._sent: dict[str, str] = {}  # SHA-256 by document, since raw files are deleted
        gemini = cast("Gemini", GatedPort("gemini", world.gemini, self._gate))
        world.use(replace(world.context, gemini=gemini))

    def _gate(self, call: Call, effect: Callable[[], T]) -> T:
        result = effect()
        if call.name == "import_file":
            assert isinstance(result, ImportOperation)
            document = self._world.gemini._operations[result.name].document
            raw_file = self._world.gemini.get_file(call.arguments[1])
            self._sent[document.name] = raw_file.sha256
        return result

    def put(self, name: str, content: bytes, metadata: dict[str, str]) -> None:
        self._world.bucket.put(name, content, metadata=metadata)

    def touch(self, name: str, metadata: dict[str, str]) -> None:
        self._world.bucket.touch_metadata(name, metadata)

    def delete(self, name: str) -> None:
        self._world.bucket.delete(name)

    def sync(self, **request: Any) -> Mapping[str, Any]:
        self._world.clock.advance(SECOND)  # each batch id needs its own second
        mode = SyncMode(request.pop("mode", SyncMode.INCREMENTAL))
        return self._world.sync(mode=mode, **request)

    def metered(self) -> int:
        return self._world.gemini.metered

    def imports(self) -> int:
        return self._world.gemini.imports

    def documents(self) -> list[tuple[str, Entry]]:
        found = self._world.store_documents()
        return [stored(document.metadata, self._sent[document.name]) for document in found]
