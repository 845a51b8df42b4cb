from __future__ import annotations

import pytest

from shared.domain.source.content_hash import NO_HASHES, Hashes, hashes_of

BOTH = Hashes("aa", "01")
MD5 = Hashes(md5="aa")
CRC32C = Hashes(crc32c="01")


@pytest.mark.parametrize(
    ("hashes", "content_hash"),
    [(BOTH, "md5:aa"), (MD5, "md5:aa"), (CRC32C, "crc32c:01"), (NO_HASHES, "generation:7")],
)
def test_the_best_hash_stands_for_the_content(hashes: Hashes, content_hash: str) -> None:
    assert hashes.content_hash(7) == content_hash


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (BOTH, BOTH, True),
        (BOTH, MD5, True),
        (BOTH, CRC32C, True),
        (MD5, CRC32C, False),
        (NO_HASHES, NO_HASHES, False),
        (BOTH, NO_HASHES, False),
        (BOTH, Hashes("bb", "01"), False),
        (BOTH, Hashes("bb", "02"), False),
        (CRC32C, Hashes("bb", "02"), False),
    ],
)
def test_the_best_kind_that_both_know_decides(one: Hashes, other: Hashes, same: bool) -> None:
    assert one.agree(other) is other.agree(one) is same


@pytest.mark.parametrize(
    ("content_hash", "more", "known"),
    [
        ("md5:aa", NO_HASHES, MD5),
        ("md5:aa", CRC32C, BOTH),
        ("crc32c:01", NO_HASHES, CRC32C),
        ("crc32c:01", BOTH, BOTH),
        ("crc32c:", NO_HASHES, NO_HASHES),
        ("generation:7", NO_HASHES, NO_HASHES),
        ("", BOTH, BOTH),
    ],
)
def test_older_records_know_the_hash_that_they_name(
    content_hash: str, more: Hashes, known: Hashes
) -> None:
    assert hashes_of(content_hash, more) == known
