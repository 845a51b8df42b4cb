from __future__ import annotations

import dataclasses

import pytest

from local.rehearsal.library.comparison import (
    StoredDocument,
    StoredObject,
    differences,
)

OBJECT = StoredObject("a.md", "md5:01", 3)
DOCUMENT = StoredDocument(
    "fileSearchStores/s/documents/d",
    "STATE_ACTIVE",
    {"path": "a.md", "content_hash": "md5:01", "owner": "us"},
)


def found(
    objects: list[StoredObject], documents: list[StoredDocument], **skipped: str
) -> list[str]:
    reasons = {name.replace("_", "."): reason for name, reason in skipped.items()}
    return list(differences(objects, documents, reasons, "us"))


def with_metadata(**entries: str) -> StoredDocument:
    return dataclasses.replace(DOCUMENT, metadata={**DOCUMENT.metadata, **entries})


def test_an_object_with_its_document_is_no_difference() -> None:
    assert found([OBJECT], [DOCUMENT]) == []


def test_skipped_objects_and_sidecars_have_no_document() -> None:
    sidecar = StoredObject("a.md.meta.json", "md5:02")
    assert found([OBJECT, sidecar], [DOCUMENT]) == []
    assert found([OBJECT], [], a_md="empty") == []


@pytest.mark.parametrize(
    ("documents", "difference"),
    [
        ([], "a.md has 0 documents"),
        ([DOCUMENT, DOCUMENT], "a.md has 2 documents"),
        ([with_metadata(content_hash="md5:00")], "a.md is of other content"),
        ([with_metadata(owner="them")], "a.md does not carry this deployment's tag"),
        ([dataclasses.replace(DOCUMENT, state="STATE_FAILED")], "a.md is STATE_FAILED"),
        ([DOCUMENT, with_metadata(path="b.md")], "1 documents of b.md, which is not in the bucket"),
        ([DOCUMENT, with_metadata(path="")], "1 documents of no path"),
    ],
)
def test_each_kind_of_difference_is_named(documents: list[StoredDocument], difference: str) -> None:
    (only,) = found([OBJECT], documents)
    assert difference in only


def test_a_sidecar_whose_document_is_gone_is_missing_unless_it_is_skipped() -> None:
    sidecar = StoredObject("a.md.meta.json", "md5:02")
    assert found([sidecar], []) == ["a.md.meta.json has 0 documents"]


def test_a_document_of_a_skipped_object_is_a_difference() -> None:
    (only,) = found([OBJECT], [DOCUMENT], a_md="empty")
    assert "has a document, although it is skipped" in only
