"""The whole stack, while somebody edits its database with the official client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any
from unittest import mock

import pytest
from google.cloud import firestore

from local.chaos.store_listing import list_everything
from local.fss.deployment.http import fetched
from shared.gateways.database.records import DEPLOYMENT, LEASE, file_path, range_path
from tests.local.stack.test_reconcile import service
from tests.model.stack import Stack, started

PATHS = [f"{number:02}.md" for number in range(12)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with started() as stack:
        for path in PATHS:
            stack.put(path, path.encode(), {})
        assert stack.sync()["indexed"] == len(PATHS)
        yield stack


@contextmanager
def database(stack: Stack) -> Iterator[firestore.Client]:
    with mock.patch.dict("os.environ", FIRESTORE_EMULATOR_HOST=stack.urls.firestore):
        client = firestore.Client(project=stack.urls.project)
    with closing(client):
        yield client


def edited(stack: Stack, at: str, /, **fields: Any) -> None:
    with database(stack) as client:
        client.document(at).set(fields, merge=True)


def in_step(stack: Stack) -> bool:
    """Whether records and store hold each file once."""
    held = {each["path"]: each["current"]["document"] for each in stack.records()}
    stored = {
        each.metadata["path"]: each.name
        for each in list_everything(str(stack.urls.gemini)).documents
    }
    return held == stored and len(stack.documents()) == len(stored)


def answers(stack: Stack) -> Mapping[str, Any]:
    """What the status function says; fails if any of its answers is an error."""
    latest = fetched(f"{stack.urls.status}/batches?limit=5")["batches"]
    for path in ("", "/breaker", "/store", f"/batches/{latest[0]['batch_id']}"):
        fetched(f"{stack.urls.status}{path}")
    found: Mapping[str, Any] = latest[0]
    return found


def test_damaged_documents_stop_nothing_and_cost_no_import(stack: Stack) -> None:
    imports = stack.imports()
    edited(stack, file_path("03.md"), status="hibernating")
    edited(stack, file_path("04.md"), desired="everything")
    edited(stack, "files/x", path=["05.md"], status="indexed", rescan=True)
    edited(stack, "breaker/state", state=5)
    edited(stack, "breaker/polls", share="all")
    edited(stack, "breaker/state/window/x", at=firestore.SERVER_TIMESTAMP, outcome=5)
    edited(stack, "meta/uncertain", wanted=3)
    edited(stack, "meta/storage", looked_at=[])
    edited(stack, range_path(""), start=1)
    edited(stack, "operations/x", path="03.md", created_at=firestore.SERVER_TIMESTAMP)
    edited(stack, "batches/x", created_at=firestore.SERVER_TIMESTAMP, status="dreaming")
    edited(stack, LEASE, fence="none")
    answers(stack)

    summary = stack.sync(mode="full")
    answers(stack)
    again = stack.sync()

    assert summary["status"] == "completed"
    assert summary["set_aside"] == 2
    for name in ("'03.md'", "'04.md'", "'files/x'"):
        assert name in summary["message"]
    assert (again["status"], again["set_aside"], again["drift"]) == ("completed", 0, 0)
    assert stack.imports() == imports
    assert in_step(stack)


@pytest.mark.parametrize("damage", [{"store": ""}, {"store": 9}, {"known_drift": "none"}], ids=str)
def test_a_damaged_deployment_finds_its_store_again(stack: Stack, damage: dict[str, Any]) -> None:
    imports, store = stack.imports(), fetched(f"{stack.urls.status}/store")["store"]
    edited(stack, DEPLOYMENT, **damage)
    answers(stack)

    assert stack.sync()["status"] == "completed"

    assert fetched(f"{stack.urls.status}/store")["store"] == store
    assert stack.imports() == imports


def test_a_record_that_was_lost_before_it_was_indexed_is_missed_and_taken_up_again(
    stack: Stack,
) -> None:
    """Neither record nor document is there, though the page is remembered as scanned."""
    imports = stack.imports()
    (document,) = [
        each.name
        for each in list_everything(str(stack.urls.gemini)).documents
        if each.metadata["path"] == "07.md"
    ]
    with service(stack) as client:
        client.file_search_stores.documents.delete(name=document, config={"force": True})
    with database(stack) as records:
        records.document(file_path("07.md")).delete()

    first, second, third = stack.sync(), stack.sync(), stack.sync()

    assert "1 records are missing" in first["message"]
    assert (second["new"], second["indexed"]) == (1, 1)
    assert third["message"] == ""
    assert stack.imports() == imports + 1
    assert in_step(stack)
