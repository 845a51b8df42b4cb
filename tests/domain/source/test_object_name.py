"""Names of objects: possible prefixes, and Unicode forms."""

from __future__ import annotations

import pytest

from shared.domain.source.object_name import checked_prefix, composed, other_forms

NFC, NFD = "Entw\u00fcrfe/", "Entwu\u0308rfe/"


@pytest.mark.parametrize(
    ("prefix", "told"),
    [
        ("a\0", "NUL"),
        ("a\rb", "carriage return"),
        ("\n", "line feed"),
        ("\ud800", "surrogate"),
        ("a\udfffb", "surrogate"),
        ("\u00e4" * 513, "1026 bytes"),
        ("\U0010ffff" * 257, "1028 bytes"),
    ],
)
def test_a_prefix_that_no_name_can_have_is_refused_with_the_reason(prefix: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checked_prefix(prefix)


@pytest.mark.parametrize("prefix", ["", "docs/", "\U0010ffff", "\ud7ff", "\u00e4" * 512, NFD])
def test_every_other_prefix_stays_as_it_is(prefix: str) -> None:
    assert checked_prefix(prefix) == prefix


def test_a_name_has_other_forms_only_where_they_differ() -> None:
    assert other_forms(NFC) == (NFD,)
    assert other_forms(NFD) == (NFC,)
    assert other_forms(NFC + NFD) == (NFC + NFC, NFD + NFD)
    assert other_forms(f"{NFC}\u00e4") == (f"{NFD}a\u0308", f"{NFC}a\u0308", f"{NFD}\u00e4")
    assert set(other_forms(f"{NFC}a\u0308")) == {f"{NFC}\u00e4", f"{NFD}\u00e4", f"{NFD}a\u0308"}
    assert other_forms("a/b.md") == other_forms("\u5929\u6d77") == ()
    assert composed(NFD) == composed(NFC) == NFC
