"""What a file's first bytes say: skipped before anything is sent, converted, or sent as it is."""

from __future__ import annotations

import codecs
import hashlib
import io

import pytest

from shared.domain.batch.batch import Batch
from shared.domain.file.record import FileStatus
from shared.domain.source.path_glob import PathGlob
from shared.services.source.stream import BLOCK
from tests.services.story import (
    SECOND,
    begun,
    changes,
    in_step,
    lost,
    play_out,
    play_to,
    synced,
    world_with,
)
from tests.twins.bucket import MemoryBucket
from tests.world import World, rules

ZIP = b"PK\x03\x04" + bytes(60)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
LONG = "Größe 🦉 und mehr\r\n" * 9000


def skips(world: World) -> dict[str, str | None]:
    skipped = [file for file in world.files() if file.status is FileStatus.SKIPPED]
    return {file.path: file.skip_reason for file in skipped}


def sent(world: World) -> dict[str, bytes]:
    """Notes the content of every upload from now on, by display name."""
    contents: dict[str, bytes] = {}
    upload = world.gemini.upload

    def noting(*given: object, **named: object) -> object:
        content = given[1]
        taken = content.read()  # type: ignore[attr-defined]  # a stream
        assert named["size"] == len(taken)
        contents[str(named["display_name"])] = taken
        return upload(given[0], io.BytesIO(taken), **named)  # type: ignore[arg-type]  # as given

    world.gemini.upload = noting  # type: ignore[method-assign, assignment]  # this world only
    return contents


def test_what_contradicts_its_name_is_skipped_before_anything_is_sent() -> None:
    world = world_with("a.md")
    world.put({"page.pdf": "<!DOCTYPE html><html>", "pointer.pdf": POINTER, "zip.txt": ZIP})
    world.put({"NOTES": POINTER})

    summary = world.sync()

    assert skips(world) == dict.fromkeys(
        ("page.pdf", "pointer.pdf", "zip.txt", "NOTES"), "contradicts_name"
    )
    assert (summary["status"], summary["indexed"], summary["failed"]) == ("completed", 1, 0)
    assert summary["requests"]["metered"] == 2


@pytest.mark.parametrize("mode", ["incremental", "full", "retry_failed"])
def test_a_verdict_from_bytes_starts_no_second_journey_and_is_read_once(mode: str) -> None:
    world = world_with("a.md", "README")
    world.put({"zip.txt": ZIP, "BINARY": ZIP})
    world.sync()
    world.sync()
    read, opened, slots = world.bucket.heads_read, world.bucket.calls["open"], len(world.deliveries)

    summary = world.sync(mode=mode)

    assert changes(summary) == {"scanned": 4, "unchanged": 2, "skipped": 2}
    assert (world.bucket.heads_read, world.bucket.calls["open"]) == (read, opened)
    assert all(queue == "control" for _, queue, _ in world.deliveries[slots:])


def test_a_touched_object_of_the_same_bytes_is_not_read_again() -> None:
    world = world_with("README")
    world.put({"zip.txt": ZIP, "BINARY": ZIP})
    world.sync()
    read, opened = world.bucket.heads_read, world.bucket.calls["open"]
    world.put({"zip.txt": ZIP, "BINARY": ZIP, "README": "content of README"})

    world.sync()

    assert (world.bucket.heads_read, world.bucket.calls["open"]) == (read, opened)


def test_other_content_is_judged_anew() -> None:
    world = world_with("a.md")
    world.put({"zip.txt": ZIP, "BINARY": ZIP})
    world.sync()
    world.put({"zip.txt": "text after all", "BINARY": "text after all"})

    assert world.sync()["indexed"] == 2
    assert in_step(world)


def test_a_type_declared_later_is_used() -> None:
    world = World(rules())
    world.bucket.put("paper", b"%PDF-1.7\n\x00", content_type="application/octet-stream")
    world.sync()
    assert skips(world) == {"paper": "binary_content"}
    world.bucket.put("paper", b"%PDF-1.7\n\x00", content_type="application/pdf")

    assert world.sync()["indexed"] == 1


def test_rules_that_changed_decide_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(rules())
    world.put({"BINARY": ZIP})
    world.sync()
    read = world.bucket.heads_read
    monkeypatch.setattr("shared.services.source.inspection.RULES", 99)

    world.sync(mode="full")

    assert world.bucket.heads_read == read + 1


# --- conversion -------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["a.csv", "a.strings", "a.md"])
def test_utf_16_is_sent_as_utf_8(name: str, encoding: str) -> None:
    world = World(rules())
    world.put({name: LONG.encode(encoding)})
    contents = sent(world)

    summary = world.sync()

    assert (summary["status"], summary["indexed"]) == ("completed", 1)
    assert contents == {name: LONG.encode()}
    assert in_step(world)
    assert changes(world.sync(mode="full")) == {"scanned": 1, "unchanged": 1}


def test_xml_in_utf_16_declares_utf_8_once_it_is_converted() -> None:
    world = World(rules())
    world.put({"a.xml": '<?xml version="1.0" encoding="UTF-16"?><a/>'.encode("utf-16")})
    contents = sent(world)

    world.sync()

    assert contents == {"a.xml": b'<?xml version="1.0" encoding="UTF-8"?><a/>'}


def test_a_converted_upload_whose_reply_was_lost_is_found_again() -> None:
    world = World(rules())
    world.put({"a.csv": LONG.encode("utf-16")})
    world.gemini.fail_next("upload", lost(), after_effect=True)
    world.clock.advance(SECOND)

    summary = world.sync()

    assert (summary["status"], summary["indexed"]) == ("completed", 1)
    assert world.gemini.calls["upload"] == 2, "the second finds its name taken, and uses the first"


def test_utf_16_that_breaks_further_on_is_skipped_before_anything_is_sent() -> None:
    world = World(rules())
    world.put({"a.csv": LONG.encode("utf-16") + b"\x00\xd8" + b"a\0"})

    assert world.sync()["requests"]["metered"] == 0
    assert skips(world) == {"a.csv": "contradicts_name"}


def test_what_is_too_large_once_it_is_converted_is_skipped() -> None:
    text = "日本語\n" * 2000
    world = World(rules(max_file_bytes=len(text.encode("utf-16"))))
    world.put({"a.csv": text.encode("utf-16")})

    assert world.sync()["requests"]["metered"] == 0
    assert skips(world) == {"a.csv": "too_large"}


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, BLOCK, 3 * BLOCK + 1])
def test_what_is_not_converted_is_sent_byte_by_byte(size: int) -> None:
    content = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    world = World(rules())
    world.put({"a.md": content})
    contents = sent(world)

    world.sync()

    assert hashlib.sha256(contents["a.md"]).digest() == hashlib.sha256(content).digest()


# --- what the store holds ---------------------------------------------------------------------


def test_a_file_replaced_by_other_bytes_loses_its_document_under_the_guard() -> None:
    world = synced("a.txt", "b.md")
    world.put({"a.txt": ZIP})

    summary = world.sync(max_deletes=0)
    assert (summary["status"], len(world.store_documents())) == ("refused", 2)

    assert world.sync()["deleted"] == 1
    assert world.stored_paths() == ["b.md"]
    assert skips(world) == {"a.txt": "contradicts_name"}


def with_a_new_rule(monkeypatch: pytest.MonkeyPatch, count: int = 2) -> World:
    """A world in which a new version of the code refuses .adoc files, of which two are indexed."""
    world = synced(*(f"{n}.adoc" for n in range(count)), "b.md", "c.md")
    monkeypatch.setattr(
        "shared.domain.source.eligibility.is_unsupported", lambda path: path.endswith(".adoc")
    )
    return world


@pytest.mark.parametrize("mode", ["full", "reconcile"])
def test_a_new_rule_of_ours_removes_no_document_unasked(
    monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    world = with_a_new_rule(monkeypatch)
    for path in ("0.adoc", "1.adoc"):
        world.bucket.touch_metadata(path, {"title": "touched"})
    world.bucket.delete("c.md")
    expected = world.sync(dry_run=True)["estimate"]

    for _ in range(2):
        summary = world.sync(mode=mode)
        assert summary["status"] == "refused"
        assert "2 documents whose content has not changed" in summary["message"]
        assert "2 unsupported_type" in summary["message"]
        assert "max_deletes=2 or more" in summary["message"]
    assert world.stored_paths() == ["0.adoc", "1.adoc", "b.md"], "others are released as usual"
    assert (expected["removals"], len(expected["refusals"])) == (1, 1)

    assert world.sync(max_deletes=1)["deleted"] == 0
    assert world.sync(max_deletes=2)["deleted"] == 2
    assert world.stored_paths() == ["b.md"]
    assert world.sync()["status"] == "completed"


def test_a_rule_that_is_taken_back_indexes_what_is_kept_without_an_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_a_new_rule(monkeypatch)
    assert world.sync(mode="full")["status"] == "refused"
    imports = world.gemini.imports
    monkeypatch.undo()

    assert world.sync(mode="full")["status"] == "completed"
    assert (world.gemini.imports, skips(world)) == (imports, {})
    assert in_step(world)


def test_what_is_kept_is_removed_with_its_object_or_by_a_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_a_new_rule(monkeypatch)
    world.sync(mode="full")
    world.bucket.delete("0.adoc")

    summary = world.sync()

    assert (summary["status"], summary["deleted"]) == ("refused", 1)
    assert world.stored_paths() == ["1.adoc", "b.md", "c.md"]
    world.use(world.context_with(exclude=(PathGlob.parse("*.adoc"),)))
    assert (world.sync()["status"], world.stored_paths()) == ("completed", ["b.md", "c.md"])


def test_add_only_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_a_new_rule(monkeypatch)

    summary = world.sync(mode="full", delete_policy="add_only")

    assert (summary["status"], len(world.store_documents())) == ("completed", 4)


def test_an_allowed_removal_that_is_halted_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_a_new_rule(monkeypatch)
    world.sync(mode="full")
    batch: Batch = begun(world, mode="full", max_deletes=2)
    play_to(world, FileStatus.DELETING, "0.adoc")
    world.control.cancel(batch.batch_id)
    play_out(world, batch)
    world.clock.advance(SECOND)
    left = len(world.store_documents())

    assert world.sync()["deleted"] == 0
    assert len(world.store_documents()) <= left


def test_a_converted_file_reads_its_object_in_pieces() -> None:
    world = World(rules())
    world.put({"a.csv": LONG.encode("utf-16")})
    assert isinstance(world.bucket, MemoryBucket)
    world.sync()
    assert world.bucket.calls["open"] == 2, "once to measure, once to send"


def test_a_byte_order_mark_of_utf_8_stays() -> None:
    world = World(rules())
    world.put({"a.csv": codecs.BOM_UTF8 + b"a,b\n"})
    contents = sent(world)
    world.sync()
    assert contents == {"a.csv": codecs.BOM_UTF8 + b"a,b\n"}
