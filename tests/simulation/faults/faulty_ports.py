"""The in-memory twins behind a gate that every call passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from shared.domain.source.object_info import ObjectInfo
from shared.gateways.ports import Head, Query, QueueName, Task
from tests.twins.tasks import create_each

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a port."""

    port: str
    name: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    method: Callable[..., Any]

    def __str__(self) -> str:
        given = [_short(value) for value in self.arguments]
        given += [f"{name}={_short(value)}" for name, value in self.keywords.items()]
        return f"{self.port}.{self.name}({', '.join(given)})"


class Gate(Protocol):
    """Decides what happens to a call; ``effect`` makes it."""

    def __call__(self, call: Call, effect: Callable[[], T]) -> T: ...


class GatedPort:
    """A twin each of whose calls passes the gate."""

    def __init__(self, port: str, twin: object, gate: Gate) -> None:
        self._port = port
        self._twin = twin
        self._gate = gate

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._twin, name)

        def call(*arguments: Any, **keywords: Any) -> Any:
            return self._gate(
                Call(self._port, name, arguments, keywords, method),
                lambda: method(*arguments, **keywords),
            )

        setattr(self, name, call)
        return call


class GatedQueues(GatedPort):
    """The queues; ``create_many`` makes many calls, as it does in the cloud."""

    create: Callable[[Task], bool]
    exists: Callable[[QueueName, str], bool]

    def create_many(self, tasks: Sequence[Task]) -> int:
        return create_each(self.create, tasks)


class GatedDocuments(GatedPort):
    """The database; each sum is one call, as it is there, so others may write in between."""

    def sums(self, query: Query, names: Sequence[str]) -> dict[str, float]:
        sums: dict[str, float] = {}
        for name in names:
            sums |= self._sum(query, name)
        return sums

    def _sum(self, query: Query, name: str) -> dict[str, float]:
        twin: Any = self._twin
        call = Call(self._port, "sums", (query, [name]), {}, twin.sums)
        return self._gate(call, lambda: twin.sums(query, [name]))


class GatedBucket(GatedPort):
    """The bucket; several objects are looked at and read one by one, as they are there."""

    stat: Callable[[str], ObjectInfo | None]

    def stat_each(self, names: Sequence[str]) -> dict[str, ObjectInfo]:
        found = map(self.stat, names)
        return {info.name: info for info in found if info is not None}

    def read_heads(self, objects: Sequence[ObjectInfo], length: int) -> dict[str, Head]:
        heads: dict[str, Head] = {}
        for info in objects:
            heads |= self._head(info, length)
        return heads

    def _head(self, info: ObjectInfo, length: int) -> dict[str, Head]:
        twin: Any = self._twin
        call = Call(self._port, "read_heads", ([info], length), {}, twin.read_heads)
        return self._gate(call, lambda: twin.read_heads([info], length))


def _short(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 700 else text[:700] + "…"
