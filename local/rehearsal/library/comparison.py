"""Compares the store with the bucket, each read with Google's own client."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.rehearsal.library.deployed import Deployed
from local.rehearsal.step import Findings, StepFailed

if TYPE_CHECKING:
    from google import genai
    from google.cloud import storage
    from google.genai import types

ACTIVE = "STATE_ACTIVE"
SIDECAR = ".meta.json"
PAGE = 20
NAMED = 5
"""How many differences are named."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of the bucket.

    Attributes:
        content_hash: ``md5:<hex>``, or ``crc32c:<hex>`` where the bucket has no MD5.
        size: Its bytes.
    """

    name: str
    content_hash: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document of the store.

    Attributes:
        state: Such as ``STATE_ACTIVE``.
        metadata: Its entries with text values.
        size: What the service counts for it, in bytes; None if it doesn't say.
    """

    name: str
    state: str
    metadata: Mapping[str, str]
    size: int | None = None


def differences(
    objects: Sequence[StoredObject],
    documents: Sequence[StoredDocument],
    skipped: Mapping[str, str],
    owner: str,
) -> Iterator[str]:
    """Yield each difference between bucket and store, as a sentence.

    Args:
        objects: The objects of the bucket.
        documents: The documents of the store.
        skipped: Why objects have no document, by name.
        owner: The tag that each document must carry.
    """
    names = {each.name for each in objects}
    by_path = defaultdict(list)
    for document in documents:
        by_path[document.metadata.get("path", "")].append(document)
    for each in objects:
        found = by_path.pop(each.name, [])
        has_none = each.name in skipped or (
            each.name.endswith(SIDECAR) and each.name.removesuffix(SIDECAR) in names
        )
        if has_none and found:
            yield f"{each.name} has a document, although it is skipped or a sidecar"
        elif not has_none and len(found) != 1:
            yield f"{each.name} has {len(found)} documents"
        elif found:
            yield from _odd(each, found[0], owner)
    for path, extra in by_path.items():
        yield f"{len(extra)} documents of {path or 'no path'}, which is not in the bucket"


def _odd(stored: StoredObject, document: StoredDocument, owner: str) -> Iterator[str]:
    if document.state != ACTIVE:
        yield f"the document of {stored.name} is {document.state}"
    if document.metadata.get("content_hash") != stored.content_hash:
        yield f"the document of {stored.name} is of other content than the object"
    if document.metadata.get("owner") != owner:
        yield f"the document of {stored.name} does not carry this deployment's tag"


def compare(deployed: Deployed, findings: Findings) -> None:
    """Check that each object has exactly one document with its content, and nothing else is there.

    Raises:
        StepFailed: There is no store.
    """
    with deployed.bucket() as bucket, deployed.gemini() as client:
        objects = list_objects(bucket)
        store = store_of(deployed)
        documents = list_documents(client, store)
    found = list(
        differences(objects, documents, findings.memory.get("skipped", {}), deployed.owner)
    )
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    seen = "; ".join(found[:NAMED]) + more
    counts = (
        f"{len(objects)} objects, {len(documents)} documents; the others are skipped or sidecars"
    )
    findings.check("each object has one document, of its content", not found, seen or counts)


def store_of(deployed: Deployed) -> str:
    """Return the name of the deployment's store. Raises `StepFailed` if it has none."""
    name = deployed.client().store()["store"]
    if not name:
        raise StepFailed("the deployment has no store yet")
    return str(name)


def list_objects(bucket: storage.Bucket) -> list[StoredObject]:
    """List the bucket."""
    return [
        StoredObject(blob.name, _hash(blob.md5_hash, blob.crc32c), blob.size or 0)
        for blob in bucket.list_blobs()
    ]


def list_documents(client: genai.Client, store: str) -> list[StoredDocument]:
    """List a store's documents."""
    found = []
    pages = client.file_search_stores.documents.list(parent=store, config={"page_size": PAGE})
    while True:  # the client's own iteration fails at an empty page that is not the last
        found += [_stored(document) for document in pages.page]
        if not pages.config.get("page_token"):
            return found
        pages.next_page()


def _stored(document: types.Document) -> StoredDocument:
    entries = document.custom_metadata or ()
    return StoredDocument(
        name=document.name or "",
        state=document.state.value if document.state else "",
        metadata={entry.key or "": entry.string_value or "" for entry in entries},
        size=document.size_bytes,
    )


def _hash(md5: str | None, crc32c: str | None) -> str:
    """Return a content's hash as the documents' metadata has it."""
    kind, value = ("md5", md5) if md5 else ("crc32c", crc32c or "")
    return f"{kind}:{base64.b64decode(value).hex()}"
