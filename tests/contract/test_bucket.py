"""The bucket: the same on the twin and, through the adapter, on fake-gcs-server."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from shared.domain.errors import NotFound, Unavailable, Unreadable
from shared.gateways.cloud_storage.bucket import CHUNK_BYTES, CloudStorage
from tests.contract.bucket_world import BucketWorld, ServedBucketWorld, storage_client
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
    if bucket_world.counts_metagenerations:
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


# --- the adapter alone --------------------------------------------------------------------


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
