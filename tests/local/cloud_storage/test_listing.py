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

ALPHABET = "ab/-é\U0001f600"
NAMES = st.lists(st.text(ALPHABET + "\x00\uffff", min_size=1, max_size=6), max_size=25, unique=True)


@st.composite
def listings(draw: st.DrawFn) -> tuple[set[str], dict[str, str]]:
    """Names, and a listing whose texts are often the beginnings of names."""
    names = draw(NAMES)
    beginnings = [name[:length] for name in names for length in range(len(name) + 1)]
    text = st.sampled_from(["", *beginnings]) | st.text(ALPHABET, max_size=4)
    return set(names), {
        "prefix": draw(text),
        "delimiter": draw(st.sampled_from(["", "/", "-", "//", "é", "a/"])),
        "startOffset": draw(st.just("") | text),
        "endOffset": draw(st.just("") | text),
        "maxResults": str(draw(st.integers(1, 7))),
    }


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


@given(listings())
def test_the_pages_of_a_listing_are_those_of_the_model(
    listing: tuple[set[str], dict[str, str]],
) -> None:
    names, query = listing
    most = int(query["maxResults"])
    index = filled(names)
    listed: list[tuple[str, str]] = []
    while True:
        found = one_page(index, query)
        items = [(each.name, "item") for each in found.items]
        together = items + [(name, "prefix") for name in found.prefixes]
        assert len(together) <= most
        assert len(listed) <= len(names), "a page begins where the one before it has ended"
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
