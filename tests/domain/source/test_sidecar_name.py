"""Which files are sidecars, and of which file."""

from __future__ import annotations

import pytest

from shared.domain.source.sidecar_name import base_name, is_sidecar, sidecar_name


def test_a_sidecar_is_named_after_the_whole_name_of_its_base() -> None:
    assert sidecar_name("a/b.md") == "a/b.md.meta.json"
    assert is_sidecar("a/b.md.meta.json")
    assert base_name("a/b.md.meta.json") == "a/b.md"
    assert base_name(sidecar_name(sidecar_name("a"))) == sidecar_name("a")


@pytest.mark.parametrize("path", ["a/b.md", ".meta.json", "a/.meta.json", "a.META.JSON", "a.json"])
def test_other_files_are_no_sidecars(path: str) -> None:
    assert not is_sidecar(path)
    with pytest.raises(ValueError, match="not the name of a sidecar"):
        base_name(path)
