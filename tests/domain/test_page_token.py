from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import InvalidRequest
from shared.domain.page_token import last_item, page_token

IDS = st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True)


@given(IDS, st.lists(st.text(st.characters(codec="utf-8"))))
def test_a_token_leads_back_to_its_item(last: str, listing: list[str]) -> None:
    assert last_item(page_token(last, *listing), *listing) == last


def test_no_token_means_the_first_page() -> None:
    assert last_item("", "files") == ""


@given(IDS, IDS)
def test_a_token_of_another_list_is_refused(last: str, other: str) -> None:
    with pytest.raises(InvalidRequest, match="page_token"):
        last_item(page_token(last, "files", other), "files")


@given(st.text(min_size=1) | IDS | st.binary(min_size=1).map(lambda some: some.hex()))
def test_an_invented_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidRequest, match="page_token"):
        last_item(token, "files")


@given(IDS, st.data())
def test_a_changed_token_is_refused(last: str, data: st.DataObject) -> None:
    token = page_token(last, "files")
    at = data.draw(st.integers(0, len(token) - 1))
    changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
    for each in (changed, token + "=", token + "A", " " + token):
        with pytest.raises(InvalidRequest, match="page_token"):
            last_item(each, "files")


def test_a_token_for_what_can_be_no_id_is_refused() -> None:
    for odd in ("", "a/b", "..", "__x__", "a" * 65):
        with pytest.raises(InvalidRequest, match="page_token"):
            last_item(page_token(odd, "files"), "files")
