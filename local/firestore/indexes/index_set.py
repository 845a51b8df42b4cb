"""The indexes of a database, as the Firebase CLI writes them into ``firestore.indexes.json``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Self

from local.firestore.query.field_path import NAME, FieldPath, formatted, parsed


class Mode(Enum):
    """How a field is indexed."""

    ASCENDING = "ASCENDING"
    DESCENDING = "DESCENDING"
    CONTAINS = "CONTAINS"

    __hash__ = object.__hash__  # members are compared by identity; Enum's own is slow


@dataclass(frozen=True, slots=True)
class Index:
    """An index over the documents of collections with one id.

    Attributes:
        collection: The collections' id.
        fields: The fields and how each is indexed; one, or several for a composite index.
        group: Whether it serves all these collections together, or each by itself.
        whole: The fields and the document's name, which follows in the direction of the last field.
        last: The last field that is not the name; None if there is no other.
    """

    collection: str
    fields: tuple[tuple[FieldPath, Mode], ...]
    group: bool = False
    whole: tuple[tuple[FieldPath, Mode], ...] = field(init=False, repr=False, compare=False)
    last: FieldPath | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        last, mode = self.fields[-1]
        whole = self.fields
        if last != NAME:
            whole = (*whole, (NAME, Mode.ASCENDING if mode is Mode.CONTAINS else mode))
        object.__setattr__(self, "whole", whole)
        paths = [path for path, _ in self.fields if path != NAME]
        object.__setattr__(self, "last", paths[-1] if paths else None)

    def __str__(self) -> str:
        fields = ", ".join(f"{formatted(path)} {mode.value}" for path, mode in self.fields)
        return f"{self.collection}{' (collection group)' if self.group else ''}: {fields}"


AUTOMATIC: Final = frozenset((mode, False) for mode in Mode)
"""The indexes that each field has unless something else is configured, for single collections."""

_EVERY_FIELD: Final = ("*",)


@dataclass(frozen=True, slots=True)
class IndexSet:
    """The indexes of a database.

    Attributes:
        composites: The composite indexes.
        singles: The indexes of single fields that don't have the automatic ones, by collection and
            field; the field ``*`` stands for all that are not named.
        expiring: The field that holds the time of a document's end, by collection.
        served: What was found out about queries, by their shapes: queries of one shape are many.
    """

    composites: tuple[Index, ...] = ()
    singles: Mapping[tuple[str, FieldPath], frozenset[tuple[Mode, bool]]] = field(
        default_factory=dict
    )
    expiring: Mapping[str, FieldPath] = field(default_factory=dict)
    served: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_json(cls, definitions: Mapping[str, Any]) -> Self:
        """Read the object that ``firestore.indexes.json`` holds.

        Raises:
            ValueError: It is not such an object.
        """
        try:
            return cls(
                tuple(map(_composite, definitions.get("indexes", ()))),
                dict(map(_single, definitions.get("fieldOverrides", ()))),
                {
                    each["collectionGroup"]: parsed(each["fieldPath"])
                    for each in definitions.get("fieldOverrides", ())
                    if each.get("ttl")
                },
            )
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not the definitions of indexes: {error!r}") from error

    def single(self, collection: str, path: FieldPath) -> frozenset[tuple[Mode, bool]]:
        """How a single field is indexed: the modes, each for collections or the group."""
        named = self.singles.get((collection, path))
        if named is None:
            named = self.singles.get((collection, _EVERY_FIELD), AUTOMATIC)
        return named

    def configured(self) -> Iterator[Index]:
        """All indexes but the automatic ones, in a fixed order."""
        yield from self.composites
        for (collection, path), modes in sorted(self.singles.items()):
            if path != _EVERY_FIELD:
                for mode, group in sorted(modes, key=lambda each: (each[0].value, each[1])):
                    yield Index(collection, ((path, mode),), group)

    def is_configured(self, index: Index) -> bool:
        """Whether an index that serves is none of the automatic ones."""
        if len(index.fields) > 1:
            return True
        (path, _), *_ = index.fields
        return (index.collection, path) in self.singles

    def of_ends(self) -> Iterator[Index]:
        """Indexes by the times at which documents end; queries don't find them."""
        for collection, path in sorted(self.expiring.items()):
            yield Index(collection, ((path, Mode.ASCENDING),), group=True)


def definition(index: Index) -> dict[str, Any]:
    """What to add to ``firestore.indexes.json`` for a composite index."""
    return {
        "collectionGroup": index.collection,
        "queryScope": "COLLECTION_GROUP" if index.group else "COLLECTION",
        "fields": [
            {"fieldPath": formatted(path), "arrayConfig": mode.value}
            if mode is Mode.CONTAINS
            else {"fieldPath": formatted(path), "order": mode.value}
            for path, mode in index.fields
        ],
    }


def _composite(each: Mapping[str, Any]) -> Index:
    fields: Sequence[Mapping[str, str]] = each["fields"]
    return Index(
        each["collectionGroup"],
        tuple((parsed(one["fieldPath"]), _mode(one)) for one in fields),
        _is_group(each),
    )


def _single(
    each: Mapping[str, Any],
) -> tuple[tuple[str, FieldPath], frozenset[tuple[Mode, bool]]]:
    path = _EVERY_FIELD if each["fieldPath"] == "*" else parsed(each["fieldPath"])
    modes = frozenset((_mode(one), _is_group(one)) for one in each["indexes"])
    return (each["collectionGroup"], path), modes


def _mode(each: Mapping[str, str]) -> Mode:
    return Mode(each.get("order") or each["arrayConfig"])


def _is_group(each: Mapping[str, Any]) -> bool:
    return bool(each.get("queryScope") == "COLLECTION_GROUP")
