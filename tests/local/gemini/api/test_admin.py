from __future__ import annotations

import urllib.error
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from google.genai import errors, types

from local.gemini.clock import ManualClock

if TYPE_CHECKING:
    from google import genai

Admin = Callable[..., Any]
Upload = Callable[..., types.File]


def test_the_log_tells_what_was_asked_and_by_which_task(
    client: genai.Client, upload: Upload, admin: Admin
) -> None:
    file = upload(name="sync-1")
    options = types.HttpOptions(headers={"X-CloudTasks-TaskName": "task-7", "traceparent": "00-1"})
    client.files.get(name=file.name or "", config=types.GetFileConfig(http_options=options))
    log = admin("requests")["requests"]
    assert [(entry["route"], entry["metered"], entry["status"]) for entry in log] == [
        ("files.upload.start", True, 200),
        ("files.upload.finalize", False, 200),
        ("files.get", False, 200),
    ]
    assert {entry["resource"] for entry in log} == {"files/sync-1"}
    assert log[2]["trace"] == {"x-cloudtasks-taskname": "task-7", "traceparent": "00-1"}
    assert [entry["number"] for entry in admin("requests?after=1&limit=1")["requests"]] == [2]


def test_the_stats_show_the_busiest_sliding_minute_and_what_was_throttled(
    upload: Upload, clock: ManualClock, admin: Admin
) -> None:
    admin("quota", {"rpm": 2})
    for wait in (0, 50, 5):
        clock.advance(wait)
        if wait < 5 or wait == 50:
            upload()
            continue
        with pytest.raises(errors.ClientError) as throttled:
            upload()
        assert throttled.value.code == 429
    clock.advance(10)
    upload()
    stats = admin("stats")
    assert stats["requests"] == {"total": 7, "metered": 4, "unmetered": 3, "throttled": 1}
    assert stats["max_metered_in_any_minute"] == 3
    assert stats["max_admitted_in_any_minute"] == 2
    assert [minute["metered"] for minute in stats["per_minute"]] == [3, 1]
    assert (stats["raw_files"], stats["quota_used_today"]) == (3, 3)


def test_which_calls_are_metered_can_be_changed(client: genai.Client, admin: Admin) -> None:
    admin("quota", {"rpm": 1, "metered": ["stores.create"], "retry_info": False})
    client.file_search_stores.create()
    with pytest.raises(errors.ClientError) as throttled:
        client.file_search_stores.create()
    assert throttled.value.code == 429
    admin("quota", {"rpm": None})
    client.file_search_stores.create()
    assert admin("quota")["retry_info"] is False


def test_every_document_is_told_with_its_metadata_and_hash(
    client: genai.Client,
    upload: Upload,
    clock: ManualClock,
    admin: Admin,
    sha256: Callable[[bytes], str],
) -> None:
    store = client.file_search_stores.create().name or ""
    for number in range(25):
        file = upload(b"%d" % number).name or ""
        clock.advance(1)
        client.file_search_stores.import_file(
            file_search_store_name=store,
            file_name=file,
            config={"custom_metadata": [{"key": "n", "numeric_value": number}]},
        )
    documents = admin("documents")["documents"]
    assert [document["sha256"] for document in documents] == [
        sha256(b"%d" % number) for number in range(25)
    ]
    assert documents[3]["customMetadata"] == [{"key": "n", "numericValue": 3.0}]
    assert documents[3]["fileSearchStore"] == store
    assert admin("stats")["imports_total"] == 25


def test_faults_are_listed_with_their_hits_and_cancelled(
    client: genai.Client, admin: Admin
) -> None:
    admin("faults", [{"kind": "unavailable", "times": 1}, {"kind": "internal", "rate": 0.5}])
    with pytest.raises(errors.ServerError):
        client.file_search_stores.create()
    first, second = admin("faults")["faults"]
    assert (first["kind"], first["fired"], second["fired"]) == ("unavailable", 1, 0)
    assert admin("faults", method="DELETE") == {"faults": []}
    client.file_search_stores.create()


def test_a_reset_goes_back_to_the_start_in_whole_or_in_part(
    client: genai.Client, upload: Upload, admin: Admin
) -> None:
    client.file_search_stores.create()
    upload()
    admin("faults", {"kind": "internal"})
    admin("reset", ["stats", "faults"])
    stats = admin("stats")
    assert (stats["requests"]["total"], stats["stores"], stats["raw_files"]) == (0, 1, 1)
    assert admin("faults") == {"faults": []}
    admin("reset", method="POST")
    stats = admin("stats")
    assert (stats["stores"], stats["raw_files"], stats["quota_used_today"]) == (0, 0, 0)
    assert upload().name


@pytest.mark.parametrize(
    ("path", "message", "code"),
    [
        ("faults", {"kind": "nonsense"}, 400),
        ("faults", 3, 400),
        ("quota", {"rpm": "many"}, 400),
        ("quota", {"rpm": True}, 400),
        ("quota", {"colour": 1}, 400),
        ("quota", {"metered": ["nonsense"]}, 400),
        ("reset", ["everything"], 400),
        ("nonsense", {}, 404),
    ],
)
def test_an_admin_call_that_makes_no_sense_is_refused(
    admin: Admin, path: str, message: object, code: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        admin(path, message)
    assert refused.value.code == code
    refused.value.close()


def test_healthz_answers_without_being_counted(admin: Admin) -> None:
    assert admin("healthz") == {"status": "ok"}
    assert admin("stats")["requests"]["total"] == 0
