from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import (
    content_key,
    digest,
    file_id,
    import_settings_digest,
    owner_tag,
    raw_file_id,
)

KEY = {
    "path": "a.md",
    "size": 3,
    "content_hash": "md5:00",
    "metadata_digest": "m",
    "import_settings": "s",
}


def test_a_digest_is_the_sha256_of_the_parts_as_json() -> None:
    assert digest("task", "b", "a.md", 3) == hashlib.sha256(b'["task","b","a.md",3]').hexdigest()
    assert digest("é") == hashlib.sha256(b'["\\u00e9"]').hexdigest()


@pytest.mark.parametrize(
    ("one", "other"),
    [(("ab", "c"), ("a", "bc")), (("1",), (1,)), ((None,), ("null",)), (("a",), ("a", ""))],
)
def test_lists_of_parts_that_look_alike_differ(one: tuple[object], other: tuple[object]) -> None:
    assert digest(*one) != digest(*other)


@given(st.text(max_size=50))
def test_a_files_id_is_a_legal_document_id_whatever_its_path(path: str) -> None:
    encodable = path.encode("utf-8", "ignore").decode()
    assert re.fullmatch("[0-9a-f]{64}", file_id(encodable))


def test_a_files_id_is_the_sha256_of_its_path() -> None:
    assert file_id("日本/é.md") == hashlib.sha256("日本/é.md".encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"path": "b.md"},
        {"size": 4},
        {"content_hash": "md5:01"},
        {"metadata_digest": "n"},
        {"import_settings": "t"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_everything_that_shapes_a_document_changes_its_key(change: dict[str, object]) -> None:
    assert content_key(**{**KEY, **change}) != content_key(**KEY)  # type: ignore[arg-type]  # same keys
    assert content_key(**KEY) == content_key(**KEY)  # type: ignore[arg-type]  # same keys


def test_chunking_and_embedding_settings_are_part_of_the_import_settings() -> None:
    def settings(model: str, tokens: int, overlap: int) -> str:
        return import_settings_digest(
            embedding_model=model, max_tokens_per_chunk=tokens, max_overlap_tokens=overlap
        )

    assert (
        len({settings("", 0, 0), settings("m", 0, 0), settings("", 9, 0), settings("", 9, 1)}) == 4
    )


def test_a_raw_files_id_is_legal_and_tells_store_content_and_epoch_apart() -> None:
    ids = {
        raw_file_id("stores/1", "k", 0),
        raw_file_id("stores/2", "k", 0),
        raw_file_id("stores/1", "l", 0),
        raw_file_id("stores/1", "k", 1),
    }
    assert len(ids) == 4
    assert all(re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", each) for each in ids)
    assert raw_file_id("stores/1", "k", 0) in ids


def test_an_owner_tag_tells_deployments_buckets_and_prefixes_apart() -> None:
    tags = {
        owner_tag(bucket=bucket, prefix=prefix, deployment=deployment)
        for bucket in ("a", "b")
        for prefix in ("", "p/")
        for deployment in ("dev", "prod")
    }
    assert len(tags) == 8
    assert {len(tag) for tag in tags} == {16}
