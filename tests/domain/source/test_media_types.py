from __future__ import annotations

import re

import pytest

from shared.domain.source.media_types import (
    EXTENSIONS,
    SUPPORTED,
    UNSUPPORTED_EXTENSIONS,
    extension_of,
    is_unsupported,
    media_type_of,
)


@pytest.mark.parametrize("extension", sorted(EXTENSIONS))
def test_a_known_extension_has_its_type_wherever_the_file_lies(extension: str) -> None:
    for path in (f"a.{extension}", f"folder.zip/a.b.{extension}", f"A.{extension.upper()}"):
        assert media_type_of(path) == EXTENSIONS[extension]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("app.ts", "application/typescript"), ("main.rs", "text/x-rust"), ("todo.org", "text/plain")],
)
def test_a_type_is_right_where_the_standard_library_is_wrong(path: str, media_type: str) -> None:
    assert media_type_of(path) == media_type


def test_case_and_folders_do_not_matter() -> None:
    assert media_type_of("Archive.2024/REPORT.PDF") == "application/pdf"
    assert media_type_of("notes.pdf/plain") is None


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        ("a.md", "md"),
        ("a.D.TS", "TS"),
        ("backup.tar.gz", "gz"),
        ("Makefile", ""),
        (".bashrc", ""),
        ("folder/.bashrc", ""),
        ("folder.d/file", ""),
        ("Chapter 1.5", ""),
        ("Mr. Smith", ""),
        ("trailing.", ""),
        ("音楽.mp3", "mp3"),
        ("a.ｍｄ", ""),
        ("", ""),
    ],
)
def test_the_last_dot_of_the_last_segment_begins_the_extension(path: str, extension: str) -> None:
    assert extension_of(path) == extension


@pytest.mark.parametrize(
    "path",
    ["a.gif", "a.SVG", "a.mp4", "a.tar.gz", "a.exe", "a.ppt", "a.epub", "a.parquet"],
)
def test_a_known_binary_format_has_no_type_and_is_known_to_have_none(path: str) -> None:
    assert media_type_of(path) is None
    assert is_unsupported(path)


@pytest.mark.parametrize("path", ["Makefile", "LICENSE", ".gitignore", "data.xyz", "README.pt"])
def test_an_unknown_extension_is_neither_supported_nor_unsupported(path: str) -> None:
    assert media_type_of(path) is None
    assert not is_unsupported(path)


def test_every_type_in_the_table_is_one_the_service_documents() -> None:
    assert set(EXTENSIONS.values()) <= SUPPORTED


def test_no_extension_is_both_supported_and_unsupported() -> None:
    assert not EXTENSIONS.keys() & UNSUPPORTED_EXTENSIONS


def test_every_extension_of_the_tables_is_one_a_name_can_have() -> None:
    for extension in EXTENSIONS.keys() | UNSUPPORTED_EXTENSIONS:
        assert extension_of(f"name.{extension}") == extension == extension.lower()


def test_the_documented_types_are_well_formed_and_complete() -> None:
    assert all(re.fullmatch(r"(application|text)/[A-Za-z0-9.+-]+", name) for name in SUPPORTED)
    assert {"application/zip", "application/x-hwp-v5", "text/RED", "text/x-c++src"} <= SUPPORTED
    assert not {"application/octet-stream", "image/png", "text/toml"} & SUPPORTED
