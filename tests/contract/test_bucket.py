"""The bucket: the same on the twin and, through the adapter, on the local Cloud Storage."""

from __future__ import annotations

import gzip
import hashlib
import urllib.request
from datetime import timedelta

import pytest

from shared.domain.errors import (
    Forbidden,
    NotFound,
    PayerMissing,
    Unavailable,
    Unreadable,
)
from shared.domain.source.content_hash import Hashes
from shared.gateways.cloud_storage.bucket import CHUNK_BYTES, CloudStorage
from shared.services.source.content import measured, open_content
from tests.contract.bucket_world import (
    KMS_KEY,
    BucketWorld,
    ServedBucketWorld,
    storage_client,
)
from tests.contract.servers import free_port
from tests.twins.bucket import MemoryBucket
from tests.twins.clock import ManualClock

pytest_plugins = ("tests.contract.gateway_fixtures",)


def names(world: BucketWorld, prefix: str = "", start: str = "", end: str = "") -> list[str]:
    found = world.bucket.list_objects(prefix=prefix, start=start, end=end, limit=1000)
    return [info.name for info in found]


def test_an_object_is_described_in_full(bucket_world: BucketWorld) -> None:
    bucket_world.put("docs/a.md", b"hello", author="Ada", year="1843")
    [info] = bucket_world.bucket.list_objects(prefix="", limit=10)
    assert (info.name, info.size, info.content_type) == ("docs/a.md", 5, "text/plain")
    md5 = hashlib.md5(b"hello", usedforsecurity=False).hexdigest()
    assert info.content_hash == f"md5:{md5}"
    assert dict(info.metadata) == {"author": "Ada", "year": "1843"}
    assert info.generation > 0
    assert info.metageneration == 1
    assert info.updated.tzinfo is not None
    assert bucket_world.bucket.stat("docs/a.md") == info


def test_names_come_sorted_by_their_utf_8_bytes(bucket_world: BucketWorld) -> None:
    unsorted = [
        "z",
        "a b?#%.md",
        "日本.md",
        "\U0001f600.md",
        "\uff21.md",
        "a/b",
        "a.b",
        "ä.md",
        "Z",
    ]
    for name in unsorted:
        bucket_world.put(name, b"x")
    assert names(bucket_world) == sorted(unsorted, key=str.encode)


def test_a_range_includes_its_start_and_excludes_its_end(bucket_world: BucketWorld) -> None:
    for name in ("p/a", "p/b", "p/c", "p/d", "q/a"):
        bucket_world.put(name, b"x")
    assert names(bucket_world, "p/") == ["p/a", "p/b", "p/c", "p/d"]
    assert names(bucket_world, "p/", start="p/b", end="p/d") == ["p/b", "p/c"]
    assert names(bucket_world, "p/", start="p/c") == ["p/c", "p/d"]
    assert names(bucket_world, "p/", end="p/b") == ["p/a"]
    assert names(bucket_world, "none/") == []


def test_a_listing_ends_at_its_limit_and_goes_on_behind_it(bucket_world: BucketWorld) -> None:
    for number in range(7):
        bucket_world.put(f"{number}", b"x")
    first = bucket_world.bucket.list_objects(prefix="", limit=4)
    assert [info.name for info in first] == ["0", "1", "2", "3"]
    rest = bucket_world.bucket.list_objects(prefix="", start="3\x00", limit=4)
    assert [info.name for info in rest] == ["4", "5", "6"]


def test_an_overwritten_object_has_a_new_generation(bucket_world: BucketWorld) -> None:
    old = bucket_world.put("a", b"one")
    new = bucket_world.put("a", b"two")
    assert new.generation > old.generation
    assert new.content_hash != old.content_hash


def test_new_metadata_leaves_the_generation(bucket_world: BucketWorld) -> None:
    old = bucket_world.put("a", b"one", author="Ada")
    new = bucket_world.touch_metadata("a", author="Grace")
    assert (new.generation, dict(new.metadata)) == (old.generation, {"author": "Grace"})
    assert new.metageneration > old.metageneration


def test_a_deleted_object_is_neither_listed_nor_found(bucket_world: BucketWorld) -> None:
    bucket_world.put("a", b"one")
    bucket_world.put("ab", b"two")
    bucket_world.delete("a")
    assert bucket_world.bucket.stat("a") is None
    assert names(bucket_world) == ["ab"]


def test_many_objects_are_looked_at_in_one_call(bucket_world: BucketWorld) -> None:
    a, b = bucket_world.put("a", b"one"), bucket_world.put("b c/ü", b"two")
    bucket_world.put("gone but a prefix.md", b"three")
    assert bucket_world.bucket.stat_each(["b c/ü", "a", "gone"]) == {"a": a, "b c/ü": b}
    assert bucket_world.bucket.stat_each([]) == {}


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_a_stream_yields_every_byte_of_its_generation(bucket_world: BucketWorld, size: int) -> None:
    content = (b"0123456789" * (size // 10 + 1))[:size]
    info = bucket_world.put("a b/ü?.md", content)
    with bucket_world.bucket.open(info.name, info.generation) as stream:
        assert stream.read() == content


def test_a_stream_of_a_generation_that_is_gone_is_not_opened(bucket_world: BucketWorld) -> None:
    old = bucket_world.put("a", b"one")
    bucket_world.put("a", b"two")
    with pytest.raises(NotFound):
        bucket_world.bucket.open("a", old.generation)
    with pytest.raises(NotFound):
        bucket_world.bucket.open("never", old.generation)


def test_heads_are_cut_and_missing_where_the_generation_is_gone(bucket_world: BucketWorld) -> None:
    long = bucket_world.put("long", b"0123456789")
    short = bucket_world.put("short", b"01")
    empty = bucket_world.put("empty", b"")
    stale = bucket_world.put("stale", b"one")
    bucket_world.put("stale", b"two")
    heads = bucket_world.bucket.read_heads([long, short, empty, stale], 4)
    assert heads == {"long": b"0123", "short": b"01", "empty": b"", "stale": None}
    assert bucket_world.bucket.read_heads([], 4) == {}


# --- kinds of object ----------------------------------------------------------------------


def test_both_hashes_of_an_object_are_told(bucket_world: BucketWorld) -> None:
    info = bucket_world.put("a", b"hello")
    assert info.hashes == Hashes("5d41402abc4b2a76b9719d911017c592", "9a71bb4c")


def test_a_declared_encoding_is_told_and_the_stored_bytes_are_read(
    bucket_world: BucketWorld,
) -> None:
    packed = gzip.compress(b"hello " * 1000)
    info = bucket_world.put_encoded("a.md", packed, "gzip")
    assert (info.content_encoding, info.size) == ("gzip", len(packed))
    assert info.hashes.md5 == hashlib.md5(packed, usedforsecurity=False).hexdigest()
    assert bucket_world.bucket.list_objects(prefix="", limit=10) == [info]
    assert bucket_world.put("b.md", b"x").content_encoding == ""
    assert bucket_world.bucket.read_heads([info], 4) == {"a.md": packed[:4]}
    with bucket_world.bucket.open("a.md", info.generation) as stream:
        assert stream.read() == packed


@pytest.mark.parametrize("content", [b"hello", b"hello " * 500_000], ids=["small", "large"])
def test_packed_content_is_decoded_as_it_streams(bucket_world: BucketWorld, content: bytes) -> None:
    info = bucket_world.put_encoded("a.md", gzip.compress(content), "gzip")
    for _ in range(2):
        stream = open_content(bucket_world.bucket, "a.md", info.generation, info.content_encoding)
        with stream:
            assert measured(stream, len(content)).size == len(content)
    with open_content(bucket_world.bucket, "a.md", info.generation, "gzip") as stream:
        assert stream.read(5) == b"hello"
        assert stream.read() == content[5:]


def test_a_composite_object_has_a_crc32c_only(bucket_world: BucketWorld) -> None:
    for name, content in {"1": b"hel", "2": b"lo"}.items():
        bucket_world.put(name, content)
    info = bucket_world.compose("a", "1", "2")
    assert (info.size, info.content_hash) == (5, "crc32c:9a71bb4c")
    assert info.hashes == Hashes(crc32c="9a71bb4c")


def test_without_any_hash_each_version_has_another_content_hash(bucket_world: BucketWorld) -> None:
    old = bucket_world.put_under_own_key("a", b"hello")
    new = bucket_world.put_under_own_key("a", b"hello")
    assert old.hashes == new.hashes == Hashes()
    assert old.content_hash == f"generation:{old.generation}"
    assert new.content_hash == f"generation:{new.generation}" != old.content_hash


# --- the adapter alone --------------------------------------------------------------------


def test_an_object_that_may_only_be_listed_is_refused_when_read(
    served_bucket: ServedBucketWorld,
) -> None:
    info = served_bucket.put("a", b"hello")
    served_bucket.restrict(refused=["a"])
    assert served_bucket.bucket.list_objects(prefix="", limit=10) == [info]
    with pytest.raises(Unreadable, match="does not have storage"):
        served_bucket.bucket.open("a", info.generation)
    readable = served_bucket.put("b", b"hello")
    heads = served_bucket.bucket.read_heads([info, readable], 4)
    assert (type(heads["a"]), heads["b"]) == (Unreadable, b"hell")


def test_an_object_under_its_owners_key_is_refused_when_read(
    served_bucket: ServedBucketWorld,
) -> None:
    info = served_bucket.put_under_own_key("a", b"hello")
    assert info.size == 5
    with pytest.raises(Unreadable, match="encrypted by a customer-supplied encryption key"):
        served_bucket.bucket.open("a", info.generation)


def test_an_object_under_a_key_of_the_project_has_no_hash_and_needs_the_key_enabled(
    served_bucket: ServedBucketWorld,
) -> None:
    info = served_bucket.put_under_kms_key("a", b"hello")
    assert info.hashes == Hashes()
    with served_bucket.bucket.open("a", info.generation) as stream:
        assert stream.read() == b"hello"
    served_bucket.restrict(disabledKeys=[KMS_KEY])
    with pytest.raises(Unreadable, match="is not enabled, current state is: DISABLED"):
        served_bucket.bucket.open("a", info.generation)


def test_a_client_that_does_not_accept_gzip_gets_other_bytes_than_those_stored(
    served_bucket: ServedBucketWorld,
) -> None:
    info = served_bucket.put_encoded("a.md", gzip.compress(b"hello"), "gzip")
    url = f"{served_bucket.url}/download/storage/v1/b/{served_bucket.name}/o/a.md?alt=media"
    asked = urllib.request.Request(url, headers={"Range": "bytes=0-1"})
    with urllib.request.urlopen(asked) as reply:
        assert reply.read() == b"hello", "the range is ignored"
    assert info.size != 5


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_a_project_that_pays_is_named_in_every_request(
    served_bucket: ServedBucketWorld, size: int
) -> None:
    info = served_bucket.put("a", b"x" * size)
    served_bucket.let_requester_pay("payer")
    client = storage_client(served_bucket.url)
    bucket = CloudStorage(client, served_bucket.name, user_project="payer")
    assert bucket.list_objects(prefix="", limit=10) == [info]
    assert bucket.stat("a") == info
    assert bucket.read_heads([info], 4) == {"a": b"x" * min(size, 4)}
    with bucket.open("a", info.generation) as stream:
        assert stream.read() == b"x" * size
    bucket.close()


def test_requester_pays_without_a_project_is_named_as_such(
    served_bucket: ServedBucketWorld,
) -> None:
    served_bucket.let_requester_pay("payer")
    with pytest.raises(PayerMissing, match="requester pays bucket but no user project"):
        served_bucket.bucket.list_objects(prefix="", limit=10)
    client = storage_client(served_bucket.url)
    bucket = CloudStorage(client, served_bucket.name, user_project="another")
    with pytest.raises(Forbidden, match="does not have serviceusage"):
        bucket.list_objects(prefix="", limit=10)
    bucket.close()


def test_a_large_object_is_read_in_bounded_pieces(served_bucket: ServedBucketWorld) -> None:
    content = bytes(range(256)) * (2 * CHUNK_BYTES // 256)
    info = served_bucket.put("large", content + b"end")
    with served_bucket.bucket.open("large", info.generation) as stream:
        first = stream.read(CHUNK_BYTES)
        assert len(first) == CHUNK_BYTES
        assert first + stream.read() == content + b"end"


def test_a_listing_goes_over_many_pages(served_bucket: ServedBucketWorld) -> None:
    for number in range(5):
        served_bucket.put(f"{number}", b"x")
    pages = served_bucket.client.list_blobs(served_bucket.bucket._bucket, page_size=2).pages
    assert len(list(pages)) == 3, "the server pages"
    assert len(served_bucket.bucket.list_objects(prefix="", limit=5)) == 5


def test_a_missing_bucket_is_an_error_and_not_an_empty_one(storage_url: str) -> None:
    bucket = CloudStorage(storage_client(storage_url), "no-such-bucket")
    with pytest.raises(NotFound):
        bucket.list_objects(prefix="", limit=10)
    with pytest.raises(NotFound):
        bucket.stat("a")
    bucket.close()


def test_a_service_out_of_reach_is_unavailable() -> None:
    nobody = storage_client(f"http://127.0.0.1:{free_port()}")
    bucket = CloudStorage(nobody, "bucket", retry_for=timedelta())
    with pytest.raises(Unavailable):
        bucket.list_objects(prefix="", limit=10)
    with pytest.raises(Unavailable):
        bucket.open("a", 1)
    bucket.close()


# --- the twin alone: no local server refuses the reads of single objects ------------------------


def test_the_twin_refuses_reads_as_the_adapter_does() -> None:
    bucket = MemoryBucket(ManualClock())
    infos = [bucket.put(name, name.encode()) for name in ("a", "locked")]
    bucket.refused["locked"] = 400
    heads = bucket.read_heads(infos, 4)
    locked = heads["locked"]
    assert heads["a"] == b"a"
    assert isinstance(locked, Unreadable)
    assert (locked.code, locked.is_of_bucket) == (400, True)
    with pytest.raises(Unreadable):
        bucket.open("locked", infos[1].generation)
    assert bucket.stat("locked") == infos[1]
