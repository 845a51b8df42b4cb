"""The calls of the JSON API, by Google's client where it makes them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.exceptions import (
    BadRequest,
    Conflict,
    GoogleAPIError,
    MethodNotImplemented,
    NotFound,
    PreconditionFailed,
)

from tests.local.cloud_storage.harness import Served

if TYPE_CHECKING:
    from google.cloud.storage import Blob

KIB = 1024
PIECE = 256 * KIB
UPLOAD = "/upload/storage/v1/b/shelf/o"


def put(served: Served, name: str, content: bytes | str = b"text", **fields: Any) -> Blob:
    blob: Blob = served.bucket.blob(name)
    for field, value in fields.items():
        setattr(blob, field, value)
    blob.upload_from_string(content)
    return blob


# --- buckets ------------------------------------------------------------------------------


def test_a_bucket_is_created_changed_listed_and_deleted(served: Served) -> None:
    bucket = served.client.create_bucket("second")
    bucket.labels = {"of": "test"}
    bucket.patch()
    again = served.client.get_bucket("second")
    assert (again.labels, again.metageneration) == ({"of": "test"}, 2)
    assert {each.name for each in served.client.list_buckets()} == {"second", "shelf"}
    assert [each.name for each in served.client.list_buckets(prefix="sh")] == ["shelf"]
    with pytest.raises(Conflict):
        served.client.create_bucket("second")
    bucket.blob("a").upload_from_string("text")
    with pytest.raises(Conflict, match="not empty"):
        bucket.delete()
    bucket.delete(force=True)
    assert served.client.lookup_bucket("second") is None
    with pytest.raises(NotFound):
        bucket.delete()
    with pytest.raises(BadRequest, match="Invalid bucket name"):
        served.client.create_bucket("UPPER")


# --- uploads ------------------------------------------------------------------------------


def test_a_large_upload_comes_in_pieces(served: Served) -> None:
    content = os.urandom(5 * PIECE + 7)
    blob = served.bucket.blob("pieces", chunk_size=PIECE)
    blob.upload_from_file(io.BytesIO(content))  # of unknown size, and hashed by the client
    assert blob.download_as_bytes() == content
    assert (
        blob.md5_hash
        == base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    )


def begun(served: Served, name: str, **described: str) -> str:
    body = json.dumps({"name": name, **described}).encode()
    status, _, told = served.ask("POST", f"{UPLOAD}?uploadType=resumable", body)
    assert status == 200
    return told["Location"].removeprefix(f"http://{served.address}")


def test_a_resumable_upload_tells_what_it_has_and_goes_on_from_there(served: Served) -> None:
    session = begun(served, "resumed", contentType="text/plain")
    assert served.ask("PUT", session, b"", Content_Range="bytes */10")[0] == 308
    status, _, told = served.ask("PUT", session, b"0123", Content_Range="bytes 0-3/*")
    assert (status, told["Range"]) == (308, "bytes=0-3")
    status, _, told = served.ask("PUT", session, b"", Content_Range="bytes */*")
    assert (status, told["Range"]) == (308, "bytes=0-3")
    assert "resumed" not in served.names()
    assert served.ask("PUT", session, b"67", Content_Range="bytes 6-7/10")[0] == 400, "a gap"
    status, _, told = served.ask("PUT", session, b"234567", Content_Range="bytes 2-7/10")
    assert (status, told["Range"]) == (308, "bytes=0-7"), "what was there is not added again"
    assert served.ask("PUT", session, b"89", Content_Range="bytes 8-9/10")[0] == 200
    status, body, _ = served.ask("PUT", session, b"", Content_Range="bytes */10")
    assert (status, json.loads(body)["size"]) == (200, "10"), "a lost answer is told again"
    blob = served.bucket.get_blob("resumed")
    assert (blob.download_as_bytes(), blob.content_type) == (b"0123456789", "text/plain")


def test_a_resumable_upload_may_come_at_once_or_empty_or_be_cancelled(served: Served) -> None:
    assert served.ask("PUT", begun(served, "once"), b"all")[0] == 200
    assert served.bucket.blob("once").download_as_bytes() == b"all"
    assert served.ask("PUT", begun(served, "none"), b"", Content_Range="bytes */0")[0] == 200
    assert served.bucket.blob("none").download_as_bytes() == b""
    session = begun(served, "never")
    assert served.ask("DELETE", session)[0] == 499
    assert served.ask("PUT", session, b"late")[0] == 404
    assert "never" not in served.names()


def test_the_conditions_of_a_resumable_upload_hold_at_its_end_too(served: Served) -> None:
    path = f"{UPLOAD}?uploadType=resumable&name=raced&ifGenerationMatch=0"
    _, _, told = served.ask("POST", path)
    session = told["Location"].removeprefix(f"http://{served.address}")
    put(served, "raced", "first")
    assert served.ask("PUT", session, b"second")[0] == 412
    assert served.bucket.blob("raced").download_as_bytes() == b"first"
    assert served.ask("POST", path)[0] == 412


def test_a_simple_upload_takes_its_description_from_the_request(served: Served) -> None:
    path = f"{UPLOAD}?uploadType=media&name=simple&contentEncoding=gzip"
    assert served.ask("POST", path, gzip.compress(b"text"), Content_Type="text/x")[0] == 200
    blob = served.bucket.get_blob("simple")
    assert (blob.content_type, blob.content_encoding) == ("text/x", "gzip")
    assert blob.download_as_bytes() == b"text"


def test_a_body_that_is_packed_for_the_way_is_stored_unpacked(served: Served) -> None:
    path = f"{UPLOAD}?uploadType=media&name=in-flight"
    assert served.ask("POST", path, gzip.compress(b"text"), Content_Encoding="gzip")[0] == 200
    blob = served.bucket.get_blob("in-flight")
    assert (blob.size, blob.content_encoding) == (4, None)
    whole = gzip.compress(os.urandom(PIECE))
    for wrong in (b"text", whole[:-1], whole[: PIECE // 2], whole[:50] + whole[51:]):
        assert served.ask("POST", path, wrong, Content_Encoding="gzip")[0] == 400
    assert served.bucket.get_blob("in-flight").generation == blob.generation


@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("content", [b"", b"\r\n", b"\n--b", b"a\r\n--\r\n--bb-", bytes(PIECE * 3)])
def test_a_multipart_upload_may_have_either_line_end(
    served: Served, line_end: bytes, content: bytes
) -> None:
    lines = [b"--bound", b"Content-Type: application/json", b"", b'{"name": "parts"}']
    lines += [b"--bound", b"Content-Type: text/x", b"", content, b"--bound--", b""]
    path, kind = f"{UPLOAD}?uploadType=multipart", "multipart/related; boundary=bound"
    body = line_end.join(lines)
    assert served.ask("POST", path, body, Content_Type=kind)[0] == 200
    blob = served.bucket.get_blob("parts")
    assert (blob.download_as_bytes(), blob.content_type) == (content, "text/x")
    served.bucket.delete_blob("parts")
    torn = body[: -len(line_end) - 2]
    assert served.ask("POST", path, torn, Content_Type=kind)[0] == 400
    assert "parts" not in served.names()


@pytest.mark.parametrize("field", ["md5_hash", "crc32c"])
def test_content_with_another_hash_than_told_is_refused(served: Served, field: str) -> None:
    blob = served.bucket.blob("damaged")
    setattr(blob, field, "AAAAAA==")
    blob._changes.add("md5Hash" if field == "md5_hash" else "crc32c")
    with pytest.raises(BadRequest, match="doesn't match calculated"):
        blob.upload_from_string("text", checksum=None)
    assert "damaged" not in served.names()


def test_a_name_of_the_greatest_length_is_taken_and_a_longer_one_refused(served: Served) -> None:
    for name in ("x" * 1024, "é/" * 341, "a/" * 512, "a" * 300 + "/b"):
        put(served, name)
        assert served.bucket.blob(name).download_as_bytes() == b"text"
    with pytest.raises(BadRequest, match="1024 bytes"):
        put(served, "x" * 1025)


# --- reads --------------------------------------------------------------------------------


def test_a_download_is_described_and_has_its_hashes(served: Served) -> None:
    blob = put(served, "told", "text", cache_control="no-store", content_language="en")
    path = "/download/storage/v1/b/shelf/o/told?alt=media"
    status, body, told = served.ask("GET", path, Range="bytes=1-2")
    assert (status, body, told["Content-Range"]) == (206, b"ex", "bytes 1-2/4")
    assert told["X-Goog-Hash"] == f"crc32c={blob.crc32c},md5={blob.md5_hash}"
    assert told["X-Goog-Generation"] == str(blob.generation)
    assert (told["Cache-Control"], told["Content-Language"]) == ("no-store", "en")
    assert served.ask("GET", "/storage/v1/b/shelf/o/told?alt=media")[1] == b"text"
    assert served.ask("GET", path, Range="bytes=4-")[0] == 416
    status, body, told = served.ask("GET", path.replace("told", "untold"))
    assert (status, body) == (404, b"No such object: shelf/untold")
    assert told["Content-Type"].startswith("text/html")


def test_an_error_is_told_with_its_reason(served: Served) -> None:
    status, body, _ = served.ask("GET", "/storage/v1/b/shelf/o/nothing")
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (404, 404)
    assert error["errors"][0]["reason"] == "notFound"
    assert served.ask("POST", "/batch/storage/v1")[0] == 404
    assert served.ask("GET", "/storage/v1/b/shelf/o/%FF")[0] == 400
    assert served.ask("GET", "/storage/v1/b/shelf/o?prefix=%FF")[0] == 400


def test_gzip_of_several_members_is_unpacked_and_what_is_none_is_sent_as_it_is(
    served: Served,
) -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two") + b""
    put(served, "members", packed, content_encoding="gzip")
    put(served, "not packed", b"plain", content_encoding="gzip")
    put(served, "kept", packed, content_encoding="gzip", cache_control="no-transform")
    path = "/storage/v1/b/shelf/o/{}?alt=media"
    status, body, told = served.ask("GET", path.format("members"))
    assert (status, body) == (200, b"one two")
    assert "Content-Encoding" not in told
    assert served.ask("GET", path.format("not%20packed"))[1] == b"plain"
    assert served.ask("GET", path.format("kept"))[1] == packed


# --- changes ------------------------------------------------------------------------------


def test_a_patch_changes_what_it_names_and_an_update_replaces_all(served: Served) -> None:
    blob = put(served, "changed", metadata={"a": "1", "b": "2"}, cache_control="no-store")
    path = "/storage/v1/b/shelf/o/changed"
    patch = b'{"metadata": {"a": null, "c": "3"}, "contentLanguage": "en", "size": "9"}'
    assert served.ask("PATCH", path, patch)[0] == 200
    blob.reload()
    assert (blob.metadata, blob.cache_control) == ({"b": "2", "c": "3"}, "no-store")
    assert (blob.content_language, blob.size, blob.metageneration) == ("en", 4, 2)
    assert served.ask("PATCH", path, b'{"cacheControl": null}')[0] == 200
    assert served.ask("PUT", path, b'{"contentType": "text/x"}')[0] == 200
    blob.reload()
    assert (blob.metadata, blob.content_language, blob.cache_control) == (None, None, None)
    assert (blob.content_type, blob.metageneration) == ("text/x", 4)
    odd = b'{"contentType": "a\\r\\nb"}'
    for wrong in (b'{"metadata": {"a": 1}}', b'{"metadata": 1}', b'{"contentType": 1}', odd, b"[]"):
        assert served.ask("PATCH", path, wrong)[0] == 400
    assert blob.time_created <= blob.updated


CALLS: dict[str, Callable[[Blob, Blob, dict[str, int]], object]] = {
    "get": lambda blob, _, conditions: blob.reload(**conditions),
    "download": lambda blob, _, conditions: blob.download_as_bytes(**conditions),
    "upload": lambda blob, _, conditions: blob.upload_from_string("new", **conditions),
    "patch": lambda blob, _, conditions: blob.patch(**conditions),
    "update": lambda blob, _, conditions: blob.update(**conditions),
    "delete": lambda blob, _, conditions: blob.delete(**conditions),
    "compose": lambda blob, other, conditions: blob.compose([other], **conditions),
    "rewrite": lambda blob, other, conditions: blob.rewrite(other, **conditions),
    "rewrite from": lambda blob, other, conditions: other.rewrite(
        blob, **{name.replace("if_", "if_source_"): value for name, value in conditions.items()}
    ),
}
CONDITIONS = [(call, "match") for call in CALLS]
CONDITIONS += [(call, "not_match") for call in CALLS if call != "compose"]  # which has none


@pytest.mark.parametrize(("call", "condition"), CONDITIONS)
@pytest.mark.parametrize("kind", ["generation", "metageneration"])
def test_every_call_heeds_each_condition(
    served: Served, call: str, kind: str, condition: str
) -> None:
    blob, other = put(served, "conditional"), put(served, "other")
    real = blob.generation if kind == "generation" else blob.metageneration
    failing = {f"if_{kind}_{condition}": real if "not" in condition else real + 1}
    # A read of the version that the client has is answered 304, which the client raises too.
    with pytest.raises(GoogleAPIError) as refused:
        CALLS[call](blob, other, failing)
    reading = call in {"get", "download"} and "not" in condition
    assert refused.value.code == (304 if reading else 412)  # type: ignore[attr-defined]
    assert served.bucket.get_blob("conditional").generation == blob.generation
    CALLS[call](blob, other, {f"if_{kind}_{condition}": real + 1 if "not" in condition else real})


def test_only_the_live_generation_is_found(served: Served) -> None:
    old = put(served, "live")
    new = put(served, "live")
    assert new.generation > old.generation
    assert served.bucket.get_blob("live", generation=old.generation) is None
    assert served.bucket.get_blob("live", generation=new.generation) is not None
    with pytest.raises(NotFound):
        served.bucket.delete_blob("live", generation=old.generation)
    served.bucket.delete_blob("live", generation=new.generation)


def test_a_copy_takes_over_what_it_is_not_told(served: Served) -> None:
    source = put(served, "source", metadata={"a": "1"}, content_language="en")
    copy = served.bucket.copy_blob(source, served.client.create_bucket("third"), "copy")
    copy.reload()
    assert (copy.metadata, copy.content_language) == ({"a": "1"}, "en")
    assert (copy.md5_hash, copy.download_as_bytes()) == (source.md5_hash, b"text")
    assert copy.generation > source.generation
    told = served.bucket.blob("told otherwise")
    told.metadata = {"b": "2"}
    assert told.rewrite(source) == (None, 4, 4)
    told.reload()
    assert (told.metadata, told.content_language) == ({"b": "2"}, None)
    with pytest.raises(NotFound):
        told.rewrite(served.bucket.blob("nothing"))


def test_a_composite_object_counts_its_components(served: Served) -> None:
    one, two = put(served, "1", b"one "), put(served, "2", b"two ")
    both, all_three = served.bucket.blob("both"), served.bucket.blob("all three")
    both.compose([one, two])
    both.reload()
    all_three.compose([both, one], if_source_generation_match=[both.generation, None])
    all_three.reload()
    assert (all_three.component_count, all_three.md5_hash) == (3, None)
    assert all_three.download_as_bytes() == b"one two one "
    with pytest.raises(PreconditionFailed):
        all_three.compose([both], if_source_generation_match=[1])
    with pytest.raises(BadRequest, match="number of source components"):
        both.compose([one] * 33)


def test_a_listing_may_have_levels_and_parts_of_resources(served: Served) -> None:
    for name in ("d/a", "d/b/c", "d/b/d", "d/e"):
        put(served, name)
    found = served.bucket.list_blobs(prefix="d/", delimiter="/", page_size=2)
    assert [blob.name for blob in found] == ["d/a", "d/e"]
    assert found.prefixes == {"d/b/"}
    _, body, _ = served.ask("GET", "/storage/v1/b/shelf/o?prefix=d/&maxResults=1&fields=items/name")
    assert json.loads(body) == {"items": [{"name": "d/a"}]}
    with pytest.raises(MethodNotImplemented, match="has no matchGlob"):
        list(served.bucket.list_blobs(match_glob="**"))


def test_what_is_not_as_described_is_refused_and_breaks_nothing(served: Served) -> None:
    put(served, "odd")
    odd, compose = "/storage/v1/b/shelf/o/odd", "/storage/v1/b/shelf/o/odd/compose"
    one = b'{"sourceObjects": [{"name": "odd"}], "destination": 1}'
    assert served.ask("POST", compose, one)[0] == 400
    assert served.ask("POST", compose, b'{"sourceObjects": ["odd"]}')[0] == 400
    assert served.ask("GET", f"{odd}?ifGenerationMatch={'9' * 5000}")[0] == 400
    assert served.ask("GET", f"{odd}?fields=a(")[0] == 400
    assert served.ask("GET", f"{odd}?alt=media", Range=f"bytes={'9' * 5000}-")[0] == 200
    assert served.ask("GET", odd, If_Match="etag")[0] == 501
    assert served.ask("PATCH", "/storage/v1/b/shelf", b'{"billing": "none"}')[0] == 200
    assert served.ask("GET", odd)[0] == 200
    assert served.ask("POST", UPLOAD)[0] == 400
    multipart = f"{UPLOAD}?uploadType=multipart"
    assert served.ask("POST", multipart, b"", Content_Type="multipart/related")[0] == 400
    described = b'{"name": "odd", "metadata": {"a": null, "b": "2"}}'
    body = b"--x\n\n" + described + b"\n--x\n\ntext\n--x--\n"
    assert (
        served.ask("POST", multipart, body, Content_Type="multipart/related; boundary=x")[0] == 200
    )
    assert served.bucket.get_blob("odd").metadata == {"b": "2"}
