"""A stored document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from local.firestore.values.kinds import Fields

Micros: TypeAlias = int
"""A time in microseconds since 1970, UTC: the resolution of Firestore's times."""


class Stored(Protocol):
    """What is known of a document; ``path`` is below the database: ``collection/id[/...]``."""

    @property
    def path(self) -> str: ...
    @property
    def fields(self) -> Fields: ...
    @property
    def created(self) -> Micros: ...
    @property
    def updated(self) -> Micros: ...


@dataclass(frozen=True, slots=True)
class Document:
    """A document whose fields are at hand. Nobody may change them."""

    path: str
    fields: Fields
    created: Micros
    updated: Micros
