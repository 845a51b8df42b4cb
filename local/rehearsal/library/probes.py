"""Finds out what is open about the Gemini API, with Google's own client."""

from __future__ import annotations

import contextlib
import io
import json
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from local.rehearsal.library.comparison import (
    StoredObject,
    list_documents,
    list_objects,
    store_of,
)
from local.rehearsal.library.deployed import Deployed
from local.rehearsal.questions import Question
from local.rehearsal.step import Findings
from shared.domain.throttle.tiers import Tier

if TYPE_CHECKING:
    from google import genai
    from google.genai import types

MOST_UPLOADS = 60
"""The most uploads that are made to meet a 429."""

LONGEST = 300
"""Characters of an answer that are kept."""

_TEXT = "text/plain"


def probe(deployed: Deployed, findings: Findings) -> None:
    """Answer the questions about documents, names, sizes and quotas."""
    with deployed.bucket() as bucket:
        objects = {each.name: each for each in list_objects(bucket)}
    with deployed.gemini() as client:
        store = store_of(deployed)
        _metadata_of_one(client, store, findings)
        _sizes(client, store, objects, findings)
        _taken_name(client, findings)
        _quotas(client, deployed.tier, findings)


def _metadata_of_one(client: genai.Client, store: str, findings: Findings) -> None:
    listed = list_documents(client, store)[0]
    one = client.file_search_stores.documents.get(name=listed.name)
    got = {entry.key for entry in one.custom_metadata or ()}
    expected = len(listed.metadata)
    findings.answer(
        Question.DOCUMENT_METADATA,
        f"{'Yes' if len(got) == expected else 'No'}: documents.get returns {len(got)} entries, "
        f"documents.list {expected} for the same document.",
    )


def _sizes(
    client: genai.Client, store: str, objects: Mapping[str, StoredObject], findings: Findings
) -> None:
    documents = list_documents(client, store)
    counted = [
        (each.size, objects[path].size)
        for each in documents
        if each.size is not None and (path := each.metadata.get("path", "")) in objects
    ]
    stored = client.file_search_stores.get(name=store).size_bytes
    given = sum(size for _, size in counted)
    if not given or stored is None:
        findings.answer(Question.SIZE_BYTES, "No sizes are returned.", is_settled=False)
        return
    by_document = sum(size for size, _ in counted) / given
    findings.answer(
        Question.SIZE_BYTES,
        f"Documents count {by_document:.2f} bytes for each byte of their object, the store "
        f"{stored / given:.2f} ({len(counted)} documents, {given:,} bytes of objects). A store's "
        "size may lag behind.",
    )


def _taken_name(client: genai.Client, findings: Findings) -> None:
    name = f"files/rehearsal-{secrets.token_hex(6)}"
    with _temporary(client, name):
        _upload(client, name, b"first")
        answers = []
        for what, content in (("the same bytes", b"first"), ("other bytes", b"other")):
            try:
                _upload(client, name, content)
                answers.append(f"{what}: accepted")
            except Exception as error:  # noqa: BLE001 - whatever is raised is the answer
                answers.append(f"{what}: {described(error)}")
    findings.answer(Question.TAKEN_NAME, "; ".join(answers) + ".")


def _quotas(client: genai.Client, tier: Tier, findings: Findings) -> None:
    """Upload small files as fast as possible until one is refused."""
    most = min(MOST_UPLOADS, 2 * tier.rpm)
    names: list[str] = []
    with contextlib.ExitStack() as uploaded:
        for _ in range(most):
            name = f"files/rehearsal-{secrets.token_hex(6)}"
            try:
                _upload(client, name, b"quota")
            except Exception as error:  # noqa: BLE001 - whatever is raised is the answer
                findings.answer(
                    Question.QUOTA_KINDS,
                    f"After {len(names)} uploads in a row: {described(error)}.",
                    is_settled=code_of(error) == 429,  # noqa: PLR2004 - the status it is about
                )
                return
            names.append(name)
            uploaded.enter_context(_temporary(client, name))
    findings.answer(
        Question.QUOTA_KINDS,
        f"No 429 came in {most} uploads in a row, where {tier.name} has {tier.rpm} a minute.",
        is_settled=False,
    )


def _upload(client: genai.Client, name: str, content: bytes) -> types.File:
    return client.files.upload(file=io.BytesIO(content), config={"name": name, "mime_type": _TEXT})


@contextlib.contextmanager
def _temporary(client: genai.Client, name: str) -> Iterator[None]:
    """Delete a raw file at the end; what can't be deleted expires after 48 hours."""
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            client.files.delete(name=name)


def code_of(error: Exception) -> int | None:
    """Return the HTTP status in an error of the client; None if it has none."""
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else None


def described(error: Exception) -> str:
    """Return what an error of the client says: status, place, message, and quotas that it names."""
    parts = [str(code_of(error) or type(error).__name__)]
    if status := getattr(error, "status", None):
        parts.append(str(status))
    if where := _stage(error):
        parts.append(where)
    parts.append(str(getattr(error, "message", None) or error)[:LONGEST])
    if named := quotas_in(getattr(error, "details", None)):
        parts.append(f"names {', '.join(named)}")
    return ", ".join(parts)


def quotas_in(details: Any) -> list[str]:  # noqa: ANN401 - a JSON body of any form
    """Return the quotas that the body of a 429 names, with how often."""
    try:
        entries = details["error"]["details"]
        violations = [each for entry in entries for each in entry.get("violations", ())]
        names = Counter(str(each.get("quotaId") or each.get("subject")) for each in violations)
    except (AttributeError, KeyError, TypeError):
        return []
    return [json.dumps(name) for name in names]


def _stage(error: Exception) -> str:
    """Return at which request of an upload an error came, if that is known."""
    request = getattr(getattr(error, "response", None), "request", None)
    if request is None:
        return ""
    return "at its end" if "upload_id" in str(request.url) else "at its start"
