"""Lists the whole store with Google's own client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google import genai
from google.genai import types

from shared.gateways.gemini.connection import API_VERSION

PAGE = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A document of the store.

    Attributes:
        name: Its resource name.
        state: Its state, such as ``STATE_ACTIVE``.
        metadata: Its metadata entries with text values.
    """

    name: str
    state: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything in a project: stores, documents and raw files."""

    stores: Sequence[str]
    documents: Sequence[Listed]
    raw_files: Sequence[str]


def list_everything(url: str) -> Contents:
    """List everything in the project at a base URL."""
    options = types.HttpOptions(base_url=url, api_version=API_VERSION)
    with genai.Client(api_key="any", vertexai=False, http_options=options) as client:
        stores = [store.name or "" for store in client.file_search_stores.list()]
        documents = [
            _listed(document)
            for store in stores
            for document in client.file_search_stores.documents.list(
                parent=store, config={"page_size": PAGE}
            )
        ]
        raw_files = [file.name or "" for file in client.files.list()]
    return Contents(stores, documents, raw_files)


def _listed(document: types.Document) -> Listed:
    entries = document.custom_metadata or ()
    return Listed(
        name=document.name or "",
        state=document.state.value if document.state else "",
        metadata={entry.key or "": entry.string_value or "" for entry in entries},
    )
