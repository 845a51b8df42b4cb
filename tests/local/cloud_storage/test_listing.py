"""Listings against a plain model, for random names and parameters."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.cloud_storage.objects.listing import Page, Wanted, page
from local.cloud_storage.objects.stored_object import StoredObject
from local.cloud_storage.refusals import Refused
from local.cloud_storage.storage.index import Index

TEXT = st.text("ab/-é日\U0001f600\uffff", max_size=4)
NAMES = st.sets(st.text("ab/-é日\U0001f600\uffff\x00", min_size=1, max_size=6), max_size=25)


def filled(names: set[str]) -> Index:
    index = Index(Path(":memory:"))
    with index.commit():
        for name in names:
            index.put(StoredObject("shelf", name, index.new_generation(), 1, 0, {}))
            index.put(StoredObject("another", f"{name}!", index.new_generation(), 1, 0, {}))
    return index


def one_page(index: Index, query: dict[str, str]) -> Page[StoredObject]:
    return page(Wanted.of(query), lambda start, end: index.objects("shelf", start, end))


def model(names: set[str], query: dict[str, str]) -> list[tuple[str, str]]:
    """All items and prefixes, in order of their bytes, of a listing without pages."""
    prefix, delimiter = query["prefix"], query["delimiter"]
    found: dict[tuple[str, str], None] = {}
    for name in names:
        if not name.startswith(prefix) or name.encode() < query["startOffset"].encode():
            continue
        if query["endOffset"] and name.encode() >= query["endOffset"].encode():
            continue
        head, mark, _ = name[len(prefix) :].partition(delimiter) if delimiter else (name, "", "")
        found[prefix + head + mark if mark else name, "prefix" if mark else "item"] = None
    return sorted(found, key=lambda each: each[0].encode())


@given(
    names=NAMES,
    prefix=TEXT,
    delimiter=st.sampled_from(["", "/", "-", "//", "é", "a/"]),
    start=TEXT,
    end=TEXT,
    most=st.integers(1, 7),
)
def test_the_pages_of_a_listing_are_those_of_the_model(
    names: set[str], prefix: str, delimiter: str, start: str, end: str, most: int
) -> None:
    query = {
        "prefix": prefix,
        "delimiter": delimiter,
        "startOffset": start,
        "endOffset": end,
        "maxResults": str(most),
    }
    index = filled(names)
    listed: list[tuple[str, str]] = []
    while True:
        found = one_page(index, query)
        items = [(each.name, "item") for each in found.items]
        together = items + [(name, "prefix") for name in found.prefixes]
        assert len(together) <= most
        listed += sorted(together, key=lambda each: each[0].encode())
        if not found.next_token:
            break
        assert len(together) == most, "only the last page is shorter"
        query["pageToken"] = found.next_token
    index.close()
    assert listed == model(names, query)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"matchGlob": "**"}, "has no matchGlob"),
        ({"softDeleted": "true"}, "has no softDeleted"),
        ({"maxResults": "0"}, "maxResults"),
        ({"maxResults": "many"}, "maxResults"),
        ({"pageToken": "?"}, "page token"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(query: dict[str, str], message: str) -> None:
    with pytest.raises(Refused, match=message):
        Wanted.of(query)
