"""What a resource is at a time, and what is allowed then; no server, no waiting."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from local.gemini.clock import ManualClock
from local.gemini.settings import Latencies, Settings
from local.gemini.simulator import Simulator
from local.gemini.traffic.faults import FaultRule
from local.gemini.traffic.quota import QuotaLimits

if TYPE_CHECKING:
    from tests.local.gemini.conftest import Wireless

HOUR = 3_600


def _order(simulator: Simulator, kind: str, **fields: object) -> None:
    simulator.faults.add([FaultRule.from_json({"kind": kind, "times": 1, **fields})])


def test_a_file_is_processing_then_active(wireless: Wireless, clock: ManualClock) -> None:
    name = wireless.upload()["name"]
    assert wireless.ask("GET", f"/v1beta/{name}")["state"] == "PROCESSING"
    clock.advance(0.999)
    assert wireless.ask("GET", f"/v1beta/{name}")["state"] == "PROCESSING"
    clock.advance(0.001)
    assert wireless.ask("GET", f"/v1beta/{name}")["state"] == "ACTIVE"


def test_a_file_is_gone_after_48_hours_and_its_name_is_free(
    wireless: Wireless, clock: ManualClock
) -> None:
    wireless.upload(name="files/a")
    clock.advance(48 * HOUR - 1)
    assert wireless.start(1, {"file": {"name": "files/a"}}).status == 409
    clock.advance(1)
    assert wireless.refused("GET", "/v1beta/files/a") == (403, "PERMISSION_DENIED")
    assert wireless.ask("GET", "/v1beta/files") == {}
    assert wireless.upload(name="files/a")["name"] == "files/a"


def test_a_file_is_written_as_the_service_writes_it(
    wireless: Wireless, sha256: Callable[[bytes], str]
) -> None:
    file = wireless.upload(b"# hello\n", name="files/a-1", display_name="docs/日本.md")
    assert file == {
        "name": "files/a-1",
        "displayName": "docs/日本.md",
        "mimeType": "text/plain",
        "sizeBytes": "8",
        "createTime": "2025-11-23T15:00:00.000000Z",
        "updateTime": "2025-11-23T15:00:00.000000Z",
        "expirationTime": "2025-11-25T15:00:00.000000Z",
        "sha256Hash": base64.b64encode(sha256(b"# hello\n").encode()).decode(),
        "uri": "http://127.0.0.1:1/v1beta/files/a-1",
        "state": "PROCESSING",
        "source": "UPLOADED",
    }


def test_an_import_is_pending_then_done_with_bare_ids(
    wireless: Wireless, imported: Callable[..., Any], clock: ManualClock
) -> None:
    store = wireless.store()
    operation, document = imported(store)
    assert wireless.ask("GET", f"/v1beta/{operation}") == {"name": operation}
    assert wireless.ask("GET", f"/v1beta/{document}")["state"] == "STATE_PENDING"
    assert wireless.ask("GET", f"/v1beta/{store}")["pendingDocumentsCount"] == "1"
    clock.advance(10)
    done = wireless.ask("GET", f"/v1beta/{operation}")
    assert done["done"] is True
    assert done["response"]["parent"] == store.removeprefix("fileSearchStores/")
    assert done["response"]["documentName"] == operation.rpartition("/")[2]
    assert wireless.ask("GET", f"/v1beta/{document}")["state"] == "STATE_ACTIVE"
    counts = wireless.ask("GET", f"/v1beta/{store}")
    assert counts["activeDocumentsCount"] == "1"
    assert "pendingDocumentsCount" not in counts


def test_a_document_carries_its_metadata_and_the_files_id(
    wireless: Wireless, clock: ManualClock
) -> None:
    store = wireless.store()
    wireless.upload(name="files/sync-1", displayName="docs/a.md")
    clock.advance(1)
    body = {
        "file_name": "files/sync-1",
        "custom_metadata": [
            {"key": "path", "string_value": "docs/a.md"},
            {"key": "zero", "numeric_value": 0},
            {"key": "tags", "string_list_value": {"values": ["a"]}},
        ],
    }
    operation = wireless.ask("POST", f"/v1beta/{store}:importFile", body)["name"]
    document = wireless.ask("GET", f"/v1beta/{operation.replace('operations', 'documents')}")
    assert document["displayName"] == "sync-1"
    assert document["customMetadata"] == [
        {"key": "path", "stringValue": "docs/a.md"},
        {"key": "zero", "numericValue": 0.0},
        {"key": "tags", "stringListValue": {"values": ["a"]}},
    ]


def test_a_file_that_is_not_active_is_not_imported(
    wireless: Wireless, simulator: Simulator
) -> None:
    store = wireless.store()
    body = {"fileName": wireless.upload()["name"]}
    refused = wireless.refused("POST", f"/v1beta/{store}:importFile", body)
    assert refused == (400, "FAILED_PRECONDITION")
    assert simulator.documents.imports == 0


def test_what_does_not_exist_is_403_or_404(wireless: Wireless) -> None:
    store = wireless.store()
    missing = "/v1beta/fileSearchStores/none"
    assert wireless.refused("GET", "/v1beta/files/none")[0] == 403
    assert wireless.refused("DELETE", "/v1beta/files/none")[0] == 403
    assert wireless.refused("GET", missing)[0] == 403
    assert wireless.refused("GET", f"{missing}/documents/d")[0] == 403
    assert wireless.refused("POST", f"{missing}:importFile", {"fileName": "files/a"})[0] == 403
    assert (
        wireless.refused("POST", f"/v1beta/{store}:importFile", {"fileName": "files/a"})[0] == 403
    )
    assert wireless.refused("GET", f"/v1beta/{store}/documents/none")[0] == 404
    assert wireless.refused("DELETE", f"/v1beta/{store}/documents/none")[0] == 404
    assert wireless.refused("GET", f"/v1beta/{store}/operations/none")[0] == 404
    assert wireless.refused("GET", "/v1beta/no/such/route")[0] == 404
    assert wireless.refused("GET", "/v2/files")[0] == 404


@pytest.mark.parametrize("bad", ["UPPER", "a_b", "-a", "a-", "a" * 41, "ä"])
def test_a_malformed_id_is_refused(wireless: Wireless, bad: str) -> None:
    assert wireless.refused("GET", f"/v1beta/files/{bad}") == (400, "INVALID_ARGUMENT")
    assert wireless.start(1, {"file": {"name": f"files/{bad}"}}).status == 400


def test_an_indexed_document_is_deleted_by_force_only(
    wireless: Wireless, imported: Callable[..., Any], clock: ManualClock
) -> None:
    _, document = imported(wireless.store())
    clock.advance(10)
    assert wireless.refused("DELETE", f"/v1beta/{document}") == (400, "FAILED_PRECONDITION")
    assert wireless.ask("DELETE", f"/v1beta/{document}?force=True") == {}
    assert wireless.refused("GET", f"/v1beta/{document}")[0] == 404


def test_a_store_with_documents_is_deleted_by_force_only(
    wireless: Wireless, imported: Callable[..., Any], simulator: Simulator
) -> None:
    store = wireless.store()
    operation, _ = imported(store)
    assert wireless.refused("DELETE", f"/v1beta/{store}") == (400, "FAILED_PRECONDITION")
    assert wireless.ask("DELETE", f"/v1beta/{store}?force=true") == {}
    assert wireless.refused("GET", f"/v1beta/{store}")[0] == 403
    assert wireless.refused("GET", f"/v1beta/{operation}")[0] == 404
    assert simulator.documents.stored_bytes == 0
    assert simulator.documents.imports == 1


def test_a_file_can_be_imported_twice_and_deleted_without_its_documents(
    wireless: Wireless, clock: ManualClock
) -> None:
    store = wireless.store()
    name = wireless.upload()["name"]
    clock.advance(1)
    for _ in range(2):
        wireless.ask("POST", f"/v1beta/{store}:importFile", {"fileName": name})
    assert wireless.ask("DELETE", f"/v1beta/{name}") == {}
    documents = wireless.ask("GET", f"/v1beta/{store}/documents")["documents"]
    assert len({document["name"] for document in documents}) == 2
    assert len({document["displayName"] for document in documents}) == 1


def test_pages_are_bounded_and_stable_while_documents_go(
    wireless: Wireless, clock: ManualClock
) -> None:
    store = wireless.store()
    name = wireless.upload()["name"]
    clock.advance(1)
    for _ in range(45):
        wireless.ask("POST", f"/v1beta/{store}:importFile", {"fileName": name})
    listing = f"/v1beta/{store}/documents"
    assert wireless.refused("GET", f"{listing}?pageSize=21") == (400, "INVALID_ARGUMENT")
    assert wireless.refused("GET", f"{listing}?pageToken=zzz") == (400, "INVALID_ARGUMENT")
    assert wireless.refused("GET", "/v1beta/files?pageSize=101") == (400, "INVALID_ARGUMENT")
    assert len(wireless.ask("GET", listing)["documents"]) == 10

    seen: list[str] = []
    token = ""
    while True:
        page = wireless.ask("GET", f"{listing}?pageSize=20&pageToken={token}")
        seen += [document["name"] for document in page["documents"]]
        for document in page["documents"]:
            wireless.ask("DELETE", f"/v1beta/{document['name']}?force=true")
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert len(seen) == len(set(seen)) == 45
    assert wireless.ask("GET", listing) == {}


def test_unsupported_types_are_refused_by_the_upload_or_by_the_import(
    wireless: Wireless, clock: ManualClock
) -> None:
    started = wireless.start(1, {"file": {"mimeType": "application/x-unknown"}})
    done = wireless.chunk(started.headers["X-Goog-Upload-URL"], b"x", 0, "upload, finalize")
    assert (done.status, done.headers["X-Goog-Upload-Status"]) == (400, "final")
    picture = wireless.upload(mimeType="image/png")["name"]
    clock.advance(1)
    body = {"fileName": picture}
    assert wireless.refused("POST", f"/v1beta/{wireless.store()}:importFile", body)[0] == 400
    store = wireless.ask(
        "POST", "/v1beta/fileSearchStores", {"embeddingModel": "models/gemini-embedding-2"}
    )["name"]
    wireless.ask("POST", f"/v1beta/{store}:importFile", body)


def test_more_than_100_mb_is_no_document(wireless: Wireless) -> None:
    path = f"/upload/v1beta/{wireless.store()}:uploadToFileSearchStore"
    assert wireless.start(100 * 1024**2, {"mimeType": "text/plain"}, path).status == 200
    assert wireless.start(100 * 1024**2 + 1, {"mimeType": "text/plain"}, path).status == 400


def test_unknown_fields_are_refused(wireless: Wireless) -> None:
    assert wireless.refused("POST", "/v1beta/fileSearchStores", {"colour": "red"})[0] == 400
    assert wireless.refused("POST", "/v1beta/fileSearchStores", b"{")[0] == 400
    assert wireless.refused("POST", "/v1beta/fileSearchStores", [])[0] == 400


@pytest.mark.parametrize(
    ("kind", "at_finish", "later"),
    [
        ("document_failed", ("done", "STATE_FAILED"), ("done", "STATE_FAILED")),
        ("document_recovers", ("done", "STATE_FAILED"), ("done", "STATE_ACTIVE")),
        ("document_stuck", ("pending", "STATE_PENDING"), ("pending", "STATE_PENDING")),
        ("operation_hung", ("pending", "STATE_ACTIVE"), ("pending", "STATE_ACTIVE")),
        ("operation_failed", ("error", "STATE_FAILED"), ("error", "STATE_FAILED")),
    ],
)
def test_an_import_goes_wrong_as_ordered(
    wireless: Wireless,
    imported: Callable[..., Any],
    simulator: Simulator,
    clock: ManualClock,
    kind: str,
    at_finish: tuple[str, str],
    later: tuple[str, str],
) -> None:
    _order(simulator, kind, delay_s=30)
    operation, document = imported(wireless.store())

    def now() -> tuple[str, str]:
        reply = wireless.ask("GET", f"/v1beta/{operation}")
        outcome = "error" if "error" in reply else "done" if reply.get("done") else "pending"
        return outcome, wireless.ask("GET", f"/v1beta/{document}")["state"]

    assert now() == ("pending", "STATE_PENDING")
    clock.advance(10)
    assert now() == at_finish
    clock.advance(30)
    assert now() == later


def test_a_display_name_with_leading_space_leaves_the_import_unfinished(
    wireless: Wireless, clock: ManualClock
) -> None:
    name = wireless.upload(displayName=" a.md")["name"]
    clock.advance(1)
    body = {"fileName": name}
    operation = wireless.ask("POST", f"/v1beta/{wireless.store()}:importFile", body)["name"]
    clock.advance(HOUR)
    assert "done" not in wireless.ask("GET", f"/v1beta/{operation}")


def test_a_file_can_fail(wireless: Wireless, simulator: Simulator, clock: ManualClock) -> None:
    _order(simulator, "file_failed")
    name = wireless.upload()["name"]
    clock.advance(1)
    file = wireless.ask("GET", f"/v1beta/{name}")
    assert (file["state"], "error" in file) == ("FAILED", True)


def test_an_error_after_the_effect_leaves_the_effect(
    wireless: Wireless, imported: Callable[..., Any], simulator: Simulator
) -> None:
    store = wireless.store()
    _order(simulator, "unavailable", route="stores.importFile", after_effect=True)
    with pytest.raises(AssertionError, match="UNAVAILABLE"):
        imported(store)
    assert simulator.documents.imports == 1
    _order(simulator, "unavailable", route="stores.importFile")
    with pytest.raises(AssertionError, match="UNAVAILABLE"):
        imported(store)
    assert simulator.documents.imports == 1


def test_storage_and_imports_in_progress_are_limited_until_room_is_made(
    wireless: Wireless, imported: Callable[..., Any], simulator: Simulator, clock: ManualClock
) -> None:
    store = wireless.store()
    simulator.quota.limits = QuotaLimits(storage_bytes=24, concurrent_imports=1)
    _, document = imported(store, b"1234")
    with pytest.raises(AssertionError, match="current quota"):
        imported(store, b"1234")
    clock.advance(10)
    imported(store, b"1234")
    clock.advance(10)
    with pytest.raises(AssertionError, match="storage limit of 24 bytes"):
        imported(store, b"1")
    wireless.ask("DELETE", f"/v1beta/{document}?force=true")
    imported(store, b"1")


def test_larger_files_take_longer_and_jitter_repeats_under_a_seed() -> None:
    def durations(seed: int) -> list[float]:
        pace = Latencies(Settings(seed=seed, time_scale=10, jitter=0.3))
        return [pace.importing_s(size) for size in (0, 1024**2, 4 * 1024**2)]

    assert durations(1) == durations(1) != durations(2)
    small, medium, large = durations(1)
    assert 0.21 <= small <= 0.39
    assert 1.26 <= medium <= 2.34
    assert 4.41 <= large <= 8.19


@pytest.fixture
def scaled(clock: ManualClock) -> Iterator[Simulator]:
    settings = Settings(
        time_scale=10,
        processing_s=1,
        import_base_s=10,
        import_per_mb_s=0,
        jitter=0,
        full_names=True,
    )
    simulator = Simulator(settings, clock=clock)
    yield simulator
    simulator.close()


def test_the_time_scale_divides_latencies_but_not_the_life_of_a_file(
    wireless: Wireless, scaled: Simulator, clock: ManualClock
) -> None:
    wireless = type(wireless)(scaled)
    file = wireless.upload()
    clock.advance(0.1)
    assert wireless.ask("GET", f"/v1beta/{file['name']}")["state"] == "ACTIVE"
    assert file["expirationTime"] == "2025-11-25T15:00:00.000000Z"


def test_a_finished_import_can_answer_with_full_names(
    wireless: Wireless, scaled: Simulator, clock: ManualClock
) -> None:
    wireless = type(wireless)(scaled)
    store = wireless.store()
    name = wireless.upload()["name"]
    clock.advance(0.1)
    operation = wireless.ask("POST", f"/v1beta/{store}:importFile", {"fileName": name})["name"]
    clock.advance(1)
    response = wireless.ask("GET", f"/v1beta/{operation}")["response"]
    assert response["parent"] == store
    assert response["documentName"] == operation.replace("/operations/", "/documents/")
