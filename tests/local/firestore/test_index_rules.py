"""Which indexes a query needs: the documented shapes."""

from __future__ import annotations

from typing import Any

import pytest

from local.firestore.indexes.index_set import Index, IndexSet, Mode, definition
from local.firestore.indexes.rules import missing, own_index, shapes
from local.firestore.query.field_path import NAME, parsed
from local.firestore.query.query import Filter, Junction, Op, Order, Query

AUTOMATIC = IndexSet()
EXEMPT: Any = {"collectionGroup": "c", "fieldPath": "*", "indexes": []}


def where(*filters: Filter) -> Any:
    return filters[0] if len(filters) == 1 else Junction(False, filters)


def query(*filters: Filter, order: str = "", summed: str = "", group: bool = False) -> Query:
    names = order.split()
    return Query(
        collection="c",
        descendants=group,
        where=where(*filters) if filters else None,
        order_by=tuple(Order(parsed(each.lstrip("-")), each.startswith("-")) for each in names),
        summed=tuple(map(parsed, summed.split())),
    )


def eq(name: str) -> Filter:
    return Filter(parsed(name), Op.EQ, 1)


def ge(name: str) -> Filter:
    return Filter(parsed(name), Op.GE, 1)


def is_in(name: str) -> Filter:
    return Filter(parsed(name), Op.IN, [1, 2])


def has(name: str) -> Filter:
    return Filter(parsed(name), Op.ARRAY_CONTAINS, 1)


def indexes(*texts: str, group: bool = False, overrides: Any = ()) -> IndexSet:
    composites = [definition(Index("c", fields(text), group)) for text in texts]
    return IndexSet.from_json({"indexes": composites, "fieldOverrides": [*overrides]})


def fields(text: str) -> Any:
    modes = {"-": Mode.DESCENDING, "@": Mode.CONTAINS}
    return tuple(
        (parsed(each.lstrip("-@")), modes.get(each[0], Mode.ASCENDING)) for each in text.split()
    )


@pytest.mark.parametrize(
    ("asked", "own"),
    [
        (query(), ""),
        (query(eq("a")), "a"),
        (query(is_in("a")), "a"),
        (query(ge("a")), "a"),
        (query(order="a"), "a"),
        (query(order="-a"), "-a"),
        (query(ge("a"), order="-a"), "-a"),
        (query(has("a")), "@a"),
        (query(eq("b"), eq("a")), "a b"),
        (query(eq("a"), ge("b")), "a b"),
        (query(eq("a"), order="-b"), "a -b"),
        (query(is_in("a"), order="b"), "a b"),
        (query(eq("a"), order="a b"), "a b"),
        (query(ge("a"), ge("b")), "a b"),
        (query(ge("a"), order="b"), "b a"),
        (query(order="a -b"), "a -b"),
        (query(has("t"), eq("a"), order="b"), "@t a b"),
        (query(eq("a"), summed="s"), "a s"),
        (query(summed="s"), "s"),
        (query(eq("a"), summed="a"), "a"),
        (query(ge("a"), summed="s"), "a s"),
        (query(ge("z"), summed="s"), "z s"),
        (query(eq("m.x"), ge("m.y")), "m.x m.y"),
        (query(order="a __name__"), "a"),
        (query(order="a -__name__"), "a -__name__"),
    ],
    ids=str,
)
def test_the_index_of_its_own(asked: Query, own: str) -> None:
    found = [own_index(shape) for shape in shapes(asked)]
    assert found == [Index("c", fields(own)) if own else None]


SERVED: list[tuple[Query, IndexSet, bool]] = [
    # Single fields have their indexes unless they are exempt.
    (query(), AUTOMATIC, True),
    (query(eq("a")), AUTOMATIC, True),
    (query(ge("a"), order="-a"), AUTOMATIC, True),
    (query(has("a")), AUTOMATIC, True),
    (query(summed="s"), AUTOMATIC, True),
    (query(eq("a")), indexes(overrides=[EXEMPT]), False),
    (query(), indexes(overrides=[EXEMPT]), True),
    (query(order="a"), indexes(overrides=[EXEMPT]), False),
    (query(summed="s"), indexes(overrides=[EXEMPT]), False),
    # Equalities alone are merged, a range or an order beside them is not.
    (query(eq("a"), eq("b"), is_in("d")), AUTOMATIC, True),
    (query(eq("a"), ge("b")), AUTOMATIC, False),
    (query(eq("a"), order="b"), AUTOMATIC, False),
    (query(eq("a"), summed="s"), AUTOMATIC, False),
    (query(ge("a"), ge("b")), AUTOMATIC, False),
    (query(order="a b"), AUTOMATIC, False),
    (query(has("t"), eq("a")), AUTOMATIC, True),
    (query(has("t"), order="a"), AUTOMATIC, False),
    # Composite indexes: the order at the end, in its direction; equalities before it, in any.
    (query(eq("a"), ge("b")), indexes("a b"), True),
    (query(eq("a"), ge("b")), indexes("-a b"), True),
    (query(eq("a"), order="-b"), indexes("a b"), False),
    (query(eq("a"), order="-b"), indexes("a -b"), True),
    (query(is_in("a"), order="b"), indexes("a b"), True),
    (query(eq("a"), ge("b"), eq("d")), indexes("a b"), False),
    (query(eq("a"), ge("b")), indexes("a d b"), False),
    (query(eq("a"), summed="s"), indexes("a s"), True),
    (query(ge("a"), summed="s"), indexes("a s"), True),
    (query(ge("a"), summed="s"), indexes("s a"), False),
    (query(has("t"), order="a"), indexes("@t a"), True),
    (query(order="a b"), indexes("a b"), True),
    (query(order="-a -b"), indexes("a b"), False),
    # Composite indexes that end alike are merged.
    (query(eq("a"), eq("b"), order="n"), indexes("a n", "b n"), True),
    (query(eq("a"), eq("b"), order="n"), indexes("a n"), False),
    (query(eq("a"), eq("b"), summed="n"), indexes("a n", "b n"), True),
    (query(eq("a"), eq("b"), eq("d"), order="n"), indexes("a b n", "d n"), True),
    # Where fields are exempt, a composite index of equalities serves.
    (query(eq("a"), eq("b")), indexes("a b", overrides=[EXEMPT]), True),
    (query(eq("a"), eq("b")), indexes("a d", overrides=[EXEMPT]), False),
    (query(eq("a")), indexes("a b", overrides=[EXEMPT]), False),
    # A collection group has indexes of its own.
    (query(group=True), AUTOMATIC, True),
    (query(eq("a"), group=True), AUTOMATIC, False),
    (query(eq("a"), order="b", group=True), indexes("a b"), False),
    (query(eq("a"), order="b", group=True), indexes("a b", group=True), True),
    (query(eq("a"), order="b"), indexes("a b", group=True), False),
    # The name alone needs none.
    (query(Filter(NAME, Op.EQ, 1)), AUTOMATIC, True),
    (query(order="__name__"), indexes(overrides=[EXEMPT]), True),
    # The name follows in the direction of the last field.
    (query(order="a -__name__"), indexes(), False),
    (query(order="a -__name__"), indexes("a -__name__"), True),
]


@pytest.mark.parametrize(("asked", "given", "is_served"), SERVED)
def test_what_the_service_serves(asked: Query, given: IndexSet, *, is_served: bool) -> None:
    assert (missing(asked, given) is None) is is_served


def test_each_alternative_of_an_or_needs_its_index() -> None:
    either = Junction(is_or=True, parts=(eq("a"), ge("b")))
    asked = Query(collection="c", where=either, order_by=(Order(("b",)),))
    assert missing(asked, indexes("a b")) is None
    refusal = missing(asked, AUTOMATIC)
    assert refusal is not None
    assert "c: a ASCENDING, b ASCENDING" in refusal.message


def test_the_refusal_says_what_to_add_in_json() -> None:
    refusal = missing(query(eq("a"), has("t"), order="-n"), AUTOMATIC)
    assert refusal is not None
    assert '{"fieldPath": "t", "arrayConfig": "CONTAINS"}' in refusal.message
    assert '{"fieldPath": "n", "order": "DESCENDING"}' in refusal.message


@pytest.mark.parametrize(
    "wrong", [[], {"indexes": [{}]}, {"fieldOverrides": [{"a": 1}]}, {"indexes": 1}]
)
def test_what_is_no_definition_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"definitions|order"):
        IndexSet.from_json(wrong)
