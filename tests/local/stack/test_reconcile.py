"""Reconcile on the whole stack: the functions themselves, and a store that others meddled with."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing, contextmanager
from unittest import mock

import pytest
from google import genai
from google.cloud import firestore
from google.genai import types

from local.chaos.store_listing import Listed, list_everything
from local.stack.urls import StackUrls
from tests.model.stack import Stack, started

PATHS = [f"{number:02}.md" for number in range(30)]
ORPHANS = [f"orphan {number}.md" for number in range(10)]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with started() as stack:
        for path in PATHS:
            stack.put(path, path.encode(), {})
        assert stack.sync()["indexed"] == len(PATHS)
        yield stack


def wipe(urls: StackUrls) -> None:
    """All that Firestore holds is lost."""
    with mock.patch.dict("os.environ", FIRESTORE_EMULATOR_HOST=urls.firestore):
        client = firestore.Client(project=urls.project)
    with closing(client):
        for collection in client.collections():
            client.recursive_delete(collection)


@contextmanager
def service(stack: Stack) -> Iterator[genai.Client]:
    """The service as somebody else with the same key uses it."""
    options = types.HttpOptions(base_url=str(stack.urls.gemini), api_version="v1beta")
    with genai.Client(api_key="any", vertexai=False, http_options=options) as client:
        yield client


def plant(client: genai.Client, like: Listed, path: str) -> None:
    """Put a document into the store that says of itself what ``like`` says, but for its path."""
    raw_file = client.files.upload(file=io.BytesIO(b"planted"), config={"mime_type": "text/plain"})
    name = raw_file.name or ""
    while client.files.get(name=name).state is not types.FileState.ACTIVE:
        pass  # the test's own timeout bounds it
    metadata = [
        types.CustomMetadata(key=key, string_value=path if key == "path" else value)
        for key, value in like.metadata.items()
    ]
    client.file_search_stores.import_file(
        file_search_store_name=like.name.partition("/documents/")[0],
        file_name=name,
        config=types.ImportFileConfig(custom_metadata=metadata),
    )
    client.files.delete(name=name)


def test_a_lost_database_costs_no_import(stack: Stack) -> None:
    before = sorted(path for path, _ in stack.documents())
    metered = stack.metered()
    wipe(stack.urls)

    summary = stack.sync(mode="reconcile")

    assert (summary["status"], summary["unchanged"]) == ("completed", len(PATHS))
    assert summary["reconciliation"]["adopted"] == len(PATHS)
    assert stack.metered() == metered
    assert sorted(path for path, _ in stack.documents()) == before
    assert sorted(record["path"] for record in stack.records()) == PATHS


def test_what_others_did_to_the_store_is_named_and_mended(stack: Stack) -> None:
    listed = {
        each.metadata["path"]: each for each in list_everything(str(stack.urls.gemini)).documents
    }
    with service(stack) as client:
        for path in PATHS[:10]:
            plant(client, listed[path], path)
        for path in ORPHANS:
            plant(client, listed[PATHS[0]], path)
        for path in PATHS[10:20]:
            client.file_search_stores.documents.delete(
                name=listed[path].name, config={"force": True}
            )
    metered = stack.metered()

    summary = stack.sync(mode="reconcile")
    again = stack.sync(mode="reconcile")

    found = {"listed": 40, "duplicate": 10, "orphan": 10, "adopted": 10, "ghost": 10}
    assert summary["reconciliation"] == found
    assert (summary["status"], summary["deleted"], summary["drift"]) == ("completed", 10, 0)
    assert stack.metered() == metered + 2 * 10, "an upload and an import for each ghost"
    assert again["reconciliation"] == {"listed": len(PATHS)}
    assert sorted(path for path, _ in stack.documents()) == PATHS
