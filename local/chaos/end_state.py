"""Checks, after the faults are over, what must hold, using only public interfaces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local.chaos.firestore_records import Database
from local.chaos.store_listing import Contents, list_everything
from local.fss.deployment.http import fetched
from local.stack.local_stack import LocalStack
from shared.domain.ids import owner_tag

ACTIVE = "STATE_ACTIVE"
NAMED = 5
"""How many examples the message about a broken invariant names."""


@dataclass(frozen=True, slots=True)
class EndState:
    """The state of the project and its records after a run.

    Attributes:
        folder: The SHA-256 of each file, by path.
        owner: The tag that each document must have.
        contents: The store, as listed by Google's client.
        sent: The SHA-256 of the content of each document, by the document's name.
        records: The files' records.
        lease: The writer's lease.
        breaker: The breaker's record.
        batches: The summaries of all batches of the library, oldest first; empty if their
            figures are not to be checked.
        lost_uploads: The raw files whose upload succeeded without a reply.
        requests: The simulator's counts of requests.
    """

    folder: Mapping[str, str]
    owner: str
    contents: Contents
    sent: Mapping[str, str]
    records: Sequence[Mapping[str, Any]]
    lease: Mapping[str, Any]
    breaker: Mapping[str, Any]
    batches: Sequence[Mapping[str, Any]]
    lost_uploads: frozenset[str]
    requests: Mapping[str, int]

    @property
    def raw_files_of_lost_replies(self) -> list[str]:
        """The raw files that are left and whose upload succeeded without a reply."""
        return [name for name in self.contents.raw_files if name in self.lost_uploads]

    @property
    def circuit(self) -> str:
        """The breaker's state."""
        return str(self.breaker.get("state", "closed"))

    def broken(self) -> Iterator[str]:
        """Yield each invariant that does not hold."""
        yield from self._files()
        yield from self._documents()
        if self.batches:
            yield from self._batches()
        if not self.lease.get("released"):
            yield f"the lease is not free: {dict(self.lease)}"
        left = [name for name in self.contents.raw_files if name not in self.lost_uploads]
        if left:
            yield f"{len(left)} raw files were left: {_some(left)}"
        if self.circuit != "closed" and not self.breaker.get("open_cause"):
            yield f"the breaker is {self.circuit} and nothing opened it"

    def _files(self) -> Iterator[str]:
        """Check that every file has one record, which is INDEXED and has no work left."""
        paths = Counter(record["path"] for record in self.records)
        if lost := sorted(self.folder.keys() - paths):
            yield f"{len(lost)} files have no record: {_some(lost)}"
        if unknown := sorted(paths.keys() - self.folder.keys()):
            yield f"{len(unknown)} records have no file: {_some(unknown)}"
        unfinished = [
            f"{record['path']} is {record['status']}"
            for record in self.records
            if record["status"] != "indexed"
        ]
        if unfinished:
            yield f"{len(unfinished)} files are not indexed: {_some(unfinished)}"
        unfinished_work = [
            record["path"]
            for record in self.records
            if record["status"] == "indexed"
            and (record["claim"] or record["schedule"]["slot"] or record["stale_documents"])
        ]
        if unfinished_work:
            yield f"{len(unfinished_work)} indexed files have work left: {_some(unfinished_work)}"

    def _documents(self) -> Iterator[str]:
        """Check that the store holds exactly one document per file, which the record names."""
        documents = self.contents.documents
        known = {record["path"]: record for record in self.records}
        if len(self.contents.stores) != 1:
            yield f"there are {len(self.contents.stores)} stores"
        for key in ("path", "content_key"):
            copies = Counter(document.metadata.get(key, "") for document in documents)
            if doubled := [value for value, count in copies.items() if count > 1]:
                yield f"{len(doubled)} documents share their {key}: {_some(doubled)}"
        if missing := sorted(self.folder.keys() - {d.metadata.get("path") for d in documents}):
            yield f"{len(missing)} files have no document: {_some(missing)}"
        for document in documents:
            path = document.metadata.get("path", "")
            current = known.get(path, {}).get("current") or {}
            wrong = {
                "state": document.state == ACTIVE,
                "owner": document.metadata.get("owner") == self.owner,
                "content_key": document.metadata.get("content_key") == current.get("key"),
                "record": document.name == current.get("document"),
                "sha256": self.sent.get(document.name) == self.folder.get(path),
            }
            if problems := [name for name, right in wrong.items() if not right]:
                yield f"{document.name} ({path}) is an orphan or wrong: {', '.join(problems)}"

    def _batches(self) -> Iterator[str]:
        """Check that the work was finished and each file was counted once."""
        first, last = self.batches[0], self.batches[-1]
        files = len(self.folder)
        if last["status"] != "completed":
            yield f"the last batch is {last['status']}: {last.get('message')}"
        expected = {"scanned": files, "new": files, "skipped": 0, "removed": 0, "changed": 0}
        for name, count in expected.items():
            if first[name] != count:
                yield f"the first batch counts {first[name]} {name}, not {count}"
        indexed = sum(batch["indexed"] for batch in self.batches)
        if indexed != files:
            yield f"the batches count {indexed} indexed files, not {files}"
        for batch in self.batches:
            if batch["deleted"]:
                yield f"{batch['batch_id']} counts {batch['deleted']} deleted files"
        if last["failed"]:
            yield f"the last batch counts {last['failed']} failed files"
        metered = sum(batch["requests"]["metered"] for batch in self.batches)
        if metered > self.requests["metered"]:
            yield f"{metered} metered requests were counted, {self.requests['metered']} made"


def inspect(
    stack: LocalStack,
    folder: Mapping[str, str],
    batches: Sequence[Mapping[str, Any]],
    lost_uploads: frozenset[str],
) -> EndState:
    """Read the state that a run left. The faults must be over."""
    urls = stack.urls
    database = Database(urls)
    gemini = str(urls.gemini)
    documents = fetched(f"{gemini}/_sim/documents")["documents"]
    return EndState(
        folder=folder,
        owner=owner_tag(bucket=urls.bucket, prefix="", deployment=stack.options.deployment),
        contents=list_everything(gemini),
        sent={document["name"]: document["sha256"] for document in documents},
        records=list(database.collection("files")),
        lease=database.document("locks/writer") or {},
        breaker=database.document("breaker/state") or {},
        batches=batches,
        lost_uploads=lost_uploads,
        requests=fetched(f"{gemini}/_sim/stats")["requests"],
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (" ..." if len(names) > NAMED else "")
