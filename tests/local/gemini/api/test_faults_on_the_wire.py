"""What the official client sees of each fault, and what has taken effect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from google.genai import _api_client, errors, types

from local.gemini.clock import ManualClock
from local.gemini.settings import MIB
from local.gemini.simulator import Simulator
from local.gemini.wire.messages import Json

if TYPE_CHECKING:
    from google import genai

Upload = Callable[..., types.File]
Admin = Callable[..., Any]


@pytest.fixture
def store(client: genai.Client) -> str:
    return client.file_search_stores.create().name or ""


@pytest.fixture
def steps(
    client: genai.Client, store: str, upload: Upload, clock: ManualClock
) -> dict[str, Callable[[], object]]:
    """A call of each kind that works when nothing is ordered."""
    file = upload().name or ""
    clock.advance(1)

    def import_file() -> Json:
        return client.file_search_stores.import_file(file_search_store_name=store, file_name=file)

    operation = import_file()
    return {
        "files.upload.start": upload,
        "upload.chunk": lambda: upload(b"x" * (8 * MIB + 1)),
        "files.upload.finalize": upload,
        "stores.importFile": import_file,
        "operations.get": lambda: client.operations.get(operation),
        "files.get": lambda: client.files.get(name=file),
        "stores.get": lambda: client.file_search_stores.get(name=store),
        "documents.list": lambda: client.file_search_stores.documents.list(parent=store),
    }


def _details(error: errors.APIError) -> dict[str, Any]:
    return {d["@type"].rpartition(".")[2]: d for d in error.details["error"].get("details", [])}


@pytest.mark.parametrize(
    ("kind", "code"), [("internal", 500), ("unavailable", 503), ("rate_limited", 429)]
)
@pytest.mark.parametrize(
    "route",
    [
        "files.upload.start",
        "upload.chunk",
        "files.upload.finalize",
        "stores.importFile",
        "operations.get",
        "files.get",
    ],
)
def test_any_call_can_be_refused_once(
    steps: dict[str, Callable[[], object]], admin: Admin, route: str, kind: str, code: int
) -> None:
    before = admin("stats")
    admin("faults", {"kind": kind, "route": route, "times": 1})
    with pytest.raises(errors.APIError) as refused:
        steps[route]()
    assert refused.value.code == code
    after = admin("stats")
    assert after["faults"] == {kind: 1}
    for effect in ("imports_total", "raw_files"):
        assert after[effect] == before[effect]
    steps[route]()


@pytest.mark.parametrize(
    ("kind", "quota_id"),
    [
        ("rate_limited", "PerMinute"),
        ("day_spent", "PerDay"),
        ("too_many_imports", "ConcurrentImports"),
    ],
)
@pytest.mark.parametrize("hints", [True, False])
def test_a_429_names_its_quota_with_hints_or_without(
    steps: dict[str, Callable[[], object]], admin: Admin, kind: str, quota_id: str, hints: bool
) -> None:
    order = {"kind": kind, "times": 1, "route": "stores.importFile", "delay_s": 17.5}
    admin("faults", {**order, "retry_info": hints, "retry_after": hints})
    with pytest.raises(errors.ClientError) as refused:
        steps["stores.importFile"]()
    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    details = _details(refused.value)
    assert quota_id in details["QuotaFailure"]["violations"][0]["quotaId"]
    assert details.get("RetryInfo", {}).get("retryDelay") == ("17.500s" if hints else None)
    headers = refused.value.response.headers
    assert headers.get("retry-after") == ("18" if hints else None)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("storage_full", "storage limit of 1000000000 bytes"),
        ("credits_depleted", "credits are depleted"),
        ("spending_cap", "monthly spending cap"),
    ],
)
def test_a_429_of_storage_or_money_has_the_published_form(
    steps: dict[str, Callable[[], object]], admin: Admin, kind: str, words: str
) -> None:
    admin("faults", {"kind": kind, "times": 1, "route": "stores.importFile"})
    with pytest.raises(errors.ClientError) as refused:
        steps["stores.importFile"]()
    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert words in (refused.value.message or "")
    assert "details" not in refused.value.details["error"]


def test_an_import_whose_reply_is_lost_took_effect(
    steps: dict[str, Callable[[], object]], admin: Admin
) -> None:
    admin("faults", {"kind": "reply_lost", "route": "stores.importFile", "times": 1})
    with pytest.raises(httpx2.RemoteProtocolError):
        steps["stores.importFile"]()
    assert admin("stats")["imports_total"] == 2


def test_an_upload_whose_last_reply_is_lost_took_effect(
    client: genai.Client, upload: Upload, admin: Admin
) -> None:
    admin("faults", {"kind": "reply_lost", "route": "files.upload.finalize", "times": 1})
    with pytest.raises(httpx2.RemoteProtocolError):
        upload(name="sync-1")
    assert client.files.get(name="files/sync-1").size_bytes == 4
    with pytest.raises(errors.ClientError) as taken:
        upload(name="sync-1")
    assert (taken.value.code, taken.value.status) == (409, "ALREADY_EXISTS")


@pytest.mark.parametrize("route", ["upload.chunk", "files.upload.finalize"])
def test_a_chunk_sent_again_for_want_of_a_status_counts_once(
    upload: Upload, admin: Admin, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    monkeypatch.setattr(_api_client, "INITIAL_RETRY_DELAY", 0)
    admin("faults", {"kind": "status_header_missing", "route": route, "times": 1})
    assert upload(b"x" * (8 * MIB + 1)).size_bytes == 8 * MIB + 1
    stats = admin("stats")
    assert stats["by_route"][route] == 2
    assert stats["raw_files"] == 1


def test_an_error_without_a_status_is_sent_three_times(
    upload: Upload, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_api_client, "INITIAL_RETRY_DELAY", 0)
    admin("faults", {"kind": "unavailable", "route": "*.finalize", "upload_status": ""})
    with pytest.raises(errors.ServerError):
        upload()
    assert admin("stats")["by_route"]["files.upload.finalize"] == 3


@pytest.mark.parametrize("route", ["files.upload.start", "files.upload.finalize"])
def test_a_name_can_turn_out_taken_at_start_or_at_the_end(
    upload: Upload, admin: Admin, route: str
) -> None:
    admin("faults", {"kind": "already_exists", "route": route, "times": 1})
    with pytest.raises(errors.ClientError) as taken:
        upload(name="a")
    assert (taken.value.code, taken.value.status) == (409, "ALREADY_EXISTS")
    assert upload(name="a").name == "files/a"


def test_an_empty_page_leads_on_to_the_documents(
    client: genai.Client, store: str, steps: dict[str, Callable[[], object]], admin: Admin
) -> None:
    steps["stores.importFile"]()
    admin("faults", {"kind": "empty_page", "times": 1})
    documents = client.file_search_stores.documents
    empty = documents.list(parent=store)
    assert len(empty.page) == 0
    token = empty.config["page_token"]
    assert token
    assert len(documents.list(parent=store, config={"page_token": token}).page) == 2


def test_a_200_can_have_an_html_body(steps: dict[str, Callable[[], object]], admin: Admin) -> None:
    admin("faults", {"kind": "html_body", "route": "stores.get", "times": 1})
    with pytest.raises(json.JSONDecodeError):
        steps["stores.get"]()


def test_a_connection_is_reset_in_the_middle_of_a_chunk(
    upload: Upload, admin: Admin, simulator: Simulator
) -> None:
    admin("faults", {"kind": "connection_reset", "route": "*finalize", "times": 1})
    with pytest.raises(httpx2.TransportError):
        upload(b"x" * (4 * MIB), name="a")
    [entry] = [e for e in simulator.log.entries() if e["route"] == "files.upload.finalize"]
    assert (entry["status"], entry["fault"]) == (0, "connection_reset")
    assert admin("stats")["raw_files"] == 0
    assert upload(name="a").name == "files/a"


def test_a_slow_reply_outlasts_the_clients_patience(
    client: genai.Client, store: str, admin: Admin
) -> None:
    admin("faults", {"kind": "slow_reply", "route": "stores.get", "times": 1, "delay_s": 5})
    with pytest.raises(httpx2.ReadTimeout):
        client._api_client.request("get", store, {}, types.HttpOptions(timeout=500))
    assert client.file_search_stores.get(name=store).name == store


@pytest.mark.parametrize(
    ("kind", "code"),
    [("invalid_argument", 400), ("unauthenticated", 401), ("permission_denied", 403)],
)
def test_the_account_can_be_at_fault(
    steps: dict[str, Callable[[], object]], admin: Admin, kind: str, code: int
) -> None:
    admin("faults", {"kind": kind, "route": "stores.get", "times": 1})
    with pytest.raises(errors.ClientError) as refused:
        steps["stores.get"]()
    assert refused.value.code == code


def test_an_operation_reports_its_error(
    client: genai.Client, store: str, upload: Upload, clock: ManualClock, admin: Admin
) -> None:
    file = upload().name or ""
    clock.advance(1)
    admin("faults", {"kind": "operation_failed", "times": 1})
    operation = client.file_search_stores.import_file(file_search_store_name=store, file_name=file)
    clock.advance(10)
    failed = client.operations.get(operation)
    assert failed.done is True
    assert failed.response is None
    assert failed.error
    assert failed.error["code"] == 13
