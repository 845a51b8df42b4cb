"""Objects with a Content-Encoding, from the scan to the document."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from typing import Any

import pytest

from shared.domain.batch.batch import SyncMode
from shared.domain.deployment.rules import Rules
from shared.domain.file.record import FileStatus
from shared.services.context import Context
from tests.file_records import raw_name
from tests.services.story import (
    PATH,
    Crash,
    begun,
    changes,
    come_to_task,
    in_step,
    invalid,
    lost,
    operations,
    play_out,
    play_to,
    unavailable,
)
from tests.world import World, rules

TEXT = b"# Kinetics\n" + b"How fast reactions are, and why. " * 300
SIDECAR = PATH + ".meta.json"
LETTERS = base64.b64encode(hashlib.shake_256(b"letters").digest(2_250_000))
"""Text that hardly shrinks."""


def with_packed(
    content: bytes = TEXT, *, path: str = PATH, given: Rules | None = None, packed: bytes = b""
) -> World:
    """A world whose only object is declared as gzip, and is, unless told otherwise."""
    world = World(given or rules())
    world.bucket.put(path, packed or gzip.compress(content, mtime=0), content_encoding="gzip")
    return world


def skips(summary: dict[str, Any]) -> dict[str, str]:
    return {each["path"]: each["reason"] for each in summary["skips"]}


def sent(world: World, path: str = PATH) -> tuple[int | None, str]:
    """Size and hash of what is uploaded for a file."""
    begun(world)
    play_to(world, FileStatus.UPLOADED, path)
    remote = world.gemini.get_file(raw_name(world.file(path)))
    return remote.size, remote.sha256


def hash_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- what is sent -----------------------------------------------------------------------------


@pytest.mark.parametrize("content", [TEXT, b"x", LETTERS, b"\x1f\x8b of its own"], ids=len)
def test_packed_content_is_uploaded_decoded(content: bytes) -> None:
    assert sent(with_packed(content)) == (len(content), hash_of(content))


@pytest.mark.parametrize("declared", ["", "identity", "utf-8", " Identity "])
def test_what_is_not_declared_as_packed_is_judged_as_it_is(declared: str) -> None:
    world = World()
    world.bucket.put("a.md", gzip.compress(TEXT, mtime=0), content_encoding=declared)
    assert skips(world.sync()) == {PATH: "contradicts_name"}
    assert world.gemini.metered == 0


@pytest.mark.parametrize("declared", ["gzip", "GZIP", "x-gzip", "identity, gzip"])
def test_a_declared_gzip_that_is_none_is_uploaded_as_it_is(declared: str) -> None:
    world = World()
    world.bucket.put(PATH, TEXT, content_encoding=declared)
    assert sent(world) == (len(TEXT), hash_of(TEXT))


@pytest.mark.parametrize("trailing", [b"\0" * 512, b"padding", gzip.compress(b"more", mtime=0)])
def test_members_are_joined_and_padding_is_ignored(trailing: bytes) -> None:
    content = TEXT + (b"more" if trailing.startswith(b"\x1f\x8b") else b"")
    assert sent(with_packed(packed=gzip.compress(TEXT, mtime=0) + trailing)) == (
        len(content),
        hash_of(content),
    )


def test_a_sync_indexes_packed_content_once_and_counts_its_tokens_by_the_decoded_size() -> None:
    world = with_packed()
    assert changes(world.sync()) == {"scanned": 1, "new": 1, "indexed": 1}
    assert changes(world.sync(mode=SyncMode.FULL)) == {"scanned": 1, "unchanged": 1}
    assert (world.gemini.calls["upload"], world.gemini.imports) == (1, 1)
    assert [operation.tokens for operation in operations(world)] == [-(-len(TEXT) // 4)]
    assert in_step(world)


def test_an_interrupted_upload_of_packed_content_is_adopted() -> None:
    world = with_packed()
    batch = begun(world)
    task = come_to_task(world, FileStatus.PENDING, "uploads")
    world.gemini.fail_next("upload", Crash(), after_effect=True)
    with pytest.raises(Crash):
        world.deliver(task)
    assert play_out(world, batch).status == "completed"
    assert (world.gemini.calls["upload"], world.gemini.imports) == (1, 1)


def test_an_upload_whose_reply_was_lost_is_adopted_by_its_decoded_size_and_hash() -> None:
    world = with_packed()
    world.gemini.fail_next("upload", lost(), after_effect=True)
    assert world.sync()["status"] == "completed"
    assert (world.gemini.imports, world.file(PATH).upload_epoch) == (1, 0)


def test_packed_text_without_an_extension_is_text() -> None:
    world = with_packed(path="README")
    assert sent(world, "README") == (len(TEXT), hash_of(TEXT))
    assert world.file("README").desired.media_type == "text/plain"  # type: ignore[union-attr]  # it has one


def test_declaring_the_encoding_later_indexes_what_it_decodes_to() -> None:
    world = World()
    world.bucket.put(PATH, gzip.compress(TEXT, mtime=0))
    world.sync()
    world.bucket.touch_metadata(PATH, {}, content_encoding="gzip")
    assert changes(world.sync()) == {"scanned": 1, "new": 1, "indexed": 1}
    assert changes(world.sync(mode=SyncMode.FULL)) == {"scanned": 1, "unchanged": 1}


def test_what_is_no_longer_declared_as_packed_keeps_its_document_until_told() -> None:
    world = with_packed()
    world.sync()
    world.bucket.touch_metadata(PATH, {}, content_encoding="")
    world.sync()
    summary = world.sync()
    assert (summary["status"], skips(summary)) == ("refused", {PATH: "contradicts_name"})
    assert world.stored_paths() == [PATH]
    assert world.sync(max_deletes=1)["deleted"] == 1


def test_another_encoding_during_the_journey_imports_nothing_of_the_old_one() -> None:
    world = with_packed()
    batch = begun(world)
    play_to(world, FileStatus.UPLOADED)
    world.bucket.touch_metadata(PATH, {}, content_encoding="")
    assert play_out(world, batch).status == "completed"
    assert (world.gemini.imports, world.file(PATH).skip_reason) == (0, "contradicts_name")


# --- what is skipped --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "declared",
    ["br", "zstd", "deflate", "compress", "aws-chunked", "aws-chunked,gzip", "gzip, gzip"],
)
@pytest.mark.parametrize("path", ["a.md", "README"])
def test_an_encoding_that_is_not_decoded_is_skipped_before_anything_is_read(
    path: str, declared: str
) -> None:
    world = World()
    world.bucket.put(path, gzip.compress(TEXT, mtime=0), content_encoding=declared)
    summary = world.sync()
    assert (skips(summary), summary["failed"]) == ({path: "encoded_content"}, 0)
    assert world.bucket.calls["open"] == world.bucket.calls["read_heads"] == 0
    assert world.gemini.metered == 0


def corrupt(position: int) -> bytes:
    packed = bytearray(gzip.compress(TEXT, mtime=0))
    packed[position] ^= 0xFF
    return bytes(packed)


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(TEXT, mtime=0)[:-1],
        gzip.compress(TEXT, mtime=0)[:40],
        b"\x1f\x8b",
        corrupt(2),
        corrupt(40),
        corrupt(-1),
        gzip.compress(TEXT, mtime=0) + gzip.compress(b"more", mtime=0)[:-4],
        gzip.compress(TEXT, mtime=0) + b"\x1f\x8b\x08\x00",
    ],
)
def test_corrupt_content_is_skipped_in_one_try_and_nothing_is_sent(packed: bytes) -> None:
    world = with_packed(packed=packed)
    summary = world.sync()
    assert (summary["status"], skips(summary)) == ("completed", {PATH: "encoded_content"})
    assert (world.gemini.metered, world.bucket.calls["open"]) == (0, 1)


def test_content_that_is_empty_after_decoding_is_skipped_as_empty() -> None:
    world = with_packed(b"")
    world.bucket.put("README", gzip.compress(b"", mtime=0), content_encoding="gzip")
    assert skips(world.sync()) == {PATH: "empty", "README": "empty"}
    assert world.gemini.metered == 0


@pytest.mark.parametrize(("size", "skipped"), [(1000, {}), (1001, {PATH: "too_large"})])
@pytest.mark.parametrize("content", [LETTERS[:1001], b"x" * 1001], ids=["letters", "alike"])
def test_the_decoded_size_is_held_against_the_limit(
    content: bytes, size: int, skipped: dict[str, str]
) -> None:
    world = with_packed(content[:size], given=rules(max_file_bytes=1000))
    assert skips(world.sync()) == skipped
    assert world.gemini.imports == (0 if skipped else 1)


class CountedReads:
    """A stream that counts the bytes read of it."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.read_bytes = stream, 0

    def read(self, size: int = -1) -> bytes:
        piece: bytes = self.stream.read(size)
        self.read_bytes += len(piece)
        return piece

    def close(self) -> None:
        self.stream.close()


def test_a_bomb_is_read_no_further_than_the_limit() -> None:
    # 400 MB of one letter in 400 KB. A limit of 100 MB is reached after a quarter of them.
    block = b"x" * (1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    packed = b"".join(packer.compress(block) for _ in range(400)) + packer.flush()
    world = with_packed(packed=packed)
    streams: list[CountedReads] = []
    opened = world.bucket.open

    class Bucket:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.bucket, name)

        def open(self, name: str, generation: int) -> Any:
            streams.append(CountedReads(opened(name, generation)))
            return streams[-1]

    context: Context = world.context_with()
    object.__setattr__(context, "bucket", Bucket())
    world.use(context)
    assert skips(world.sync()) == {PATH: "too_large"}
    assert [stream.read_bytes < len(packed) // 3 for stream in streams] == [True]
    assert world.gemini.metered == 0


def test_a_skip_found_by_the_upload_removes_an_earlier_document_as_any_other_skip_does() -> None:
    world = with_packed()
    world.put({f"{number}.md": b"x" for number in range(3)})
    world.sync()
    world.bucket.put(PATH, gzip.compress(b"", mtime=0), content_encoding="gzip")
    summary = world.sync()
    assert (skips(summary), summary["deleted"]) == ({PATH: "empty"}, 1)
    assert PATH not in world.stored_paths()


def test_content_that_is_repaired_is_indexed() -> None:
    world = with_packed(packed=corrupt(-1))
    world.sync()
    world.bucket.put(PATH, gzip.compress(TEXT, mtime=0), content_encoding="gzip")
    assert changes(world.sync()) == {"scanned": 1, "new": 1, "indexed": 1}


def test_an_unreadable_bucket_is_waited_for_and_no_reason_to_skip() -> None:
    world = with_packed()
    failing = unavailable()
    failing.call = "bucket.open"
    world.bucket.fail_next("open", failing)
    assert changes(world.sync()) == {"scanned": 1, "new": 1, "indexed": 1}


def test_a_refused_file_that_is_packed_fails_as_others_do() -> None:
    world = with_packed()
    world.gemini.fail_next("upload", invalid())
    assert world.sync()["failed"] == 1


# --- sidecars ---------------------------------------------------------------------------------


def metadata_with(sidecar: bytes, content_encoding: str) -> tuple[object, tuple[str, ...]]:
    """The title that a sidecar gives to its file, and what is reported of it."""
    world = World()
    world.put({PATH: b"text"})
    world.bucket.put(SIDECAR, sidecar, content_encoding=content_encoding)
    assert world.sync()["indexed"] == 1
    (document,) = world.store_documents()
    return document.metadata.get("title"), world.file(PATH).metadata_reports


JSON = json.dumps({"title": "Kinetics"}).encode()


def test_a_packed_sidecar_is_read() -> None:
    assert metadata_with(gzip.compress(JSON, mtime=0), "gzip") == ("Kinetics", ())
    assert metadata_with(JSON, "gzip") == ("Kinetics", ())
    assert metadata_with(JSON, "utf-8") == ("Kinetics", ())


@pytest.mark.parametrize("packed", [gzip.compress(JSON, mtime=0)[:-2], b"\x1f\x8b\x08", corrupt(2)])
def test_a_corrupt_sidecar_is_reported_and_its_file_imported(packed: bytes) -> None:
    assert metadata_with(packed, "gzip") == (None, ("sidecar: not valid JSON, ignored",))


def test_a_sidecar_is_bounded_by_its_decoded_size() -> None:
    fitting = JSON + b" " * (65_536 - len(JSON))
    assert metadata_with(gzip.compress(fitting, mtime=0), "gzip") == ("Kinetics", ())
    title, reports = metadata_with(gzip.compress(fitting + b" " * 10_000_000, mtime=0), "gzip")
    assert (title, reports) == (None, ("sidecar: not read, since it has more than 65536 bytes",))


def test_a_sidecar_in_another_encoding_is_skipped_and_its_file_imported() -> None:
    world = World()
    world.put({PATH: b"text"})
    world.bucket.put(SIDECAR, JSON, content_encoding="br")
    summary = world.sync()
    assert (skips(summary), summary["indexed"]) == ({SIDECAR: "encoded_content"}, 1)


def test_declaring_a_sidecars_encoding_later_reads_it_again() -> None:
    world = World()
    world.put({PATH: b"text"})
    world.bucket.put(SIDECAR, gzip.compress(JSON, mtime=0))
    world.sync()
    world.bucket.touch_metadata(SIDECAR, {}, content_encoding="gzip")
    assert changes(world.sync()) == {"scanned": 1, "metadata_changed": 1, "indexed": 1}
    (document,) = world.store_documents()
    assert document.metadata["title"] == "Kinetics"
