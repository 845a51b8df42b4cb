"""The invariants that every write is checked for, each by its name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from shared.domain.batch.batch import Batch, BatchPhase, BatchStatus, DeletePolicy
from shared.domain.batch.lease import Lease
from shared.domain.file import keeping
from shared.domain.file.ledger import ImportState
from shared.domain.file.record import UNFINISHED, FileRecord, FileStatus
from shared.gateways.database.codec import from_fields
from shared.gateways.database.records import (
    BREAKER,
    DEPLOYMENT,
    LEASE,
    batch_path,
    operation_path,
)
from shared.gateways.ports import ImportOperation, Query, QueueName, RemoteState, Snapshot
from tests.simulation.checks.asked import AskedChecks
from tests.simulation.checks.guards import GuardChecks
from tests.simulation.checks.pace import PaceChecks
from tests.simulation.checks.violation import require
from tests.simulation.faults.faulty_ports import Call

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

T = TypeVar("T")

Fields = Mapping[str, Any]


class Invariants:
    """Checks every call of one simulation.

    Attributes:
        pace: The checks of the rate.
        indexed: Paths of the files that steps have made INDEXED; a sync's figures are compared.
        put_back: Paths of the files that other calls have made INDEXED, without an import.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._guards = GuardChecks(simulation)
        self._asked = AskedChecks(simulation)
        self.pace = PaceChecks(simulation)
        self.indexed: set[str] = set()
        self.put_back: set[str] = set()
        self._late_documents: set[str] = set()
        self._to_be_deleted: set[str] = set()
        self._imports_of: defaultdict[str, list[str]] = defaultdict(list)
        self._sent: defaultdict[tuple[str, ...], list[datetime]] = defaultdict(list)

    # --- at every write ---------------------------------------------------------------------

    def watch(self, call: Call, effect: Callable[[], T]) -> T:
        """Make a call, and check what it changes."""
        match call.name:
            case "commit":
                return self._watch_commit([write.path for write in call.arguments[0]], effect)
            case "create":
                new = not self._simulation.queues.exists(*_key(call))
                result = effect()
                if new:
                    self.pace.planned(call)
                return result
            case "get" | "get_all":
                self.pace.looks(call)
            case "query":
                found = effect()
                self._seen(cast("list[Snapshot]", found))
                return found
            case "delete_document":
                if self._simulation.role() is None:  # the request was checked when it was sent
                    self._counts_no_more(call.arguments[0])
                else:
                    self.deleting(call.arguments[0])
            case "upload":
                result = effect()
                self.pace.succeeded()
                return result
            case "import_file":
                self._importing(call)
                result = effect()
                self._imported(call, cast("ImportOperation", result))
                self.pace.succeeded()
                return result
        return effect()

    def _watch_commit(self, paths: list[str], effect: Callable[[], T]) -> T:
        before = {path: self._fields(path) for path in paths}
        versions = {path: self._version(path) for path in paths}
        supervisor = self._supervisor()
        result = effect()
        self._looks_hold_for_what_was_read(versions)
        for path in paths:
            self._written(path, before[path], self._fields(path))
            self._ledger_goes_along(before[path], self._fields(path))
        self._fenced([path for path in paths if not _is_closed(before[path])], supervisor)
        self._guards.dry_run(paths)
        written = {path: self._fields(path) for path in paths}
        self._asked.committed(before, {path: fields for path, fields in written.items() if fields})
        return result

    def _seen(self, found: list[Snapshot]) -> None:
        """Note what the poller has read of its files."""
        role = self._simulation.role()
        if role is not None and role.kind == "look":
            role.seen |= {each.path: each.version for each in found}

    def _looks_hold_for_what_was_read(self, versions: Mapping[str, object]) -> None:
        """What the poller writes of a file is about the version that it has read."""
        role = self._simulation.role()
        if role is None or role.kind != "look":
            return
        for path, version in versions.items():
            if path.startswith("files/"):
                name = "looks_hold_for_what_was_read"
                require(role.seen.get(path) == version, name, path, role.seen.get(path), version)
                role.seen[path] = self._version(path)

    def _version(self, path: str) -> object:
        stored = self._simulation.documents._find(path)
        return stored.updated if stored else None

    def _ledger_goes_along(self, before: Fields | None, after: Fields | None) -> None:
        """The commit that ends an import says how: in the ledger, if its document isn't served."""
        under_way = (FileStatus.IMPORTING.value, FileStatus.UNCERTAIN.value)
        if not before or not after or before.get("status") not in under_way:
            return
        call = before.get("working") and before["working"]["import_call"]
        if not call or after["status"] in under_way:
            return
        made = after["current"] and after["current"]["import_call"]
        entry = self._fields(operation_path(call["id"]))
        is_open = entry is not None and entry["state"] == ImportState.SENT.value
        is_told = made is not None and made["id"] == call["id"]
        require(is_told or not is_open, "ledger_goes_with_the_record", after["path"], entry)

    def _fields(self, path: str) -> Fields | None:
        stored = self._simulation.documents._find(path)
        return stored.fields if stored else None

    def _written(self, path: str, before: Fields | None, after: Fields | None) -> None:
        if after is None or before == after:
            return
        kind = path.partition("/")[0]
        if path == BREAKER:
            self.pace.breaker_changes(before, after)
        elif path == LEASE:
            self._fence_grows(before, after)
        elif path == DEPLOYMENT:
            self._old_store_serves_until_filled(before, after)
            self._guards.settings_let_through(before, after)
        elif kind == "files":
            self._removal_is_grounded(before, after)
            self._one_claim_at_a_time(before, after)
            self._attempts_are_earned(after)
            self._is_planned_anew_a_few_times(after)
        elif kind == "batches" and path.count("/") == 1:
            self._closed_batch_stays(before, after)
            self._one_running_batch(path, before, after)
            self._counts_match(before, after)
            self._guards.work_begins(before, after)

    def _fence_grows(self, before: Fields | None, after: Fields) -> None:
        old = from_fields(Lease, before) if before else Lease()
        new = from_fields(Lease, after)
        name = "one_holder_per_fence"
        if (new.holder, new.nonce) != (old.holder, old.nonce):
            play = self._simulation
            used = [record.fence for record in play.file_records()]
            used += [each.fence for _, each in play.batches() if each.batch_id != new.holder]
            require(new.fence > max(old.fence, *used, 0), name, old, "->", new, used)
            now = self._simulation.stage.now()
            gap = self._simulation.rules.lease.takeover_delay
            require(
                old.released or now >= old.expires_at + gap,
                name,
                "taken from a holder:",
                old,
                new,
            )
        require(new.fence >= old.fence, name, old, "->", new)

    def _old_store_serves_until_filled(self, before: Fields | None, after: Fields) -> None:
        """After a cut-over the new store has every file of the old one that is to be served."""
        if before is None or before["store"] == after["store"]:
            return
        if before["store"] not in self._simulation.gemini._stores:
            return  # it was deleted, and serves nothing
        left = [
            record.path
            for record in self._simulation.file_records()
            if (record.desired_key or keeping.keeps_documents(record))
            and record.retired_documents
            and not record.current_document
        ]
        require(not left, "old_store_serves_until_filled", left)

    def _fenced(self, paths: list[str], supervisor: str) -> None:
        """Supervisors and scans write records only until another call takes over."""
        role = self._simulation.role()
        plans = [path for path in paths if path.startswith(("files/", "batches/"))]
        if role is None or role.kind not in ("supervise", "scan") or not plans:
            return
        lease = self._fields(LEASE)
        if lease is None:
            return  # somebody has deleted it, and its holder has not come back yet
        fence = int(lease["fence"])
        if role.fence is None:
            role.fence, role.supervisor = fence, self._supervisor()
            return
        require(role.fence == fence, "one_holder_per_fence", role, "wrote", plans, "under", fence)
        require(
            role.kind == "scan" or role.supervisor == supervisor,
            "one_supervisor_at_a_time",
            *(role, "wrote", plans, "beside", supervisor),
        )

    def _supervisor(self) -> str:
        """The supervisor of the batch that holds the lease."""
        lease = self._fields(LEASE)
        batch = self._fields(batch_path(lease["holder"])) if lease else None
        return str(batch["supervisor"]) if batch else ""

    def _one_running_batch(self, path: str, before: Fields | None, after: Fields) -> None:
        if before is not None:
            return
        running = [
            batch.batch_id
            for other, batch in self._simulation.batches()
            if other != path and not batch.status.is_terminal
        ]
        require(not running, "one_running_batch", after["batch_id"], "beside", running)

    def _closed_batch_stays(self, before: Fields | None, after: Fields) -> None:
        """A closed batch does not change, except that its last supervisor removes its name."""
        if before is None or not _is_closed(before):
            return
        changed = {name for name in after if after[name] != before.get(name)}
        allowed = changed <= {"supervisor", "supervised_until"} and not after["supervisor"]
        require(allowed, "closed_batch_stays", before["batch_id"], changed)

    def _counts_match(self, before: Fields | None, after: Fields) -> None:
        """The counts of a closed batch match its file records.

        A record that can't be read may count as failed: of a vanished object, nothing reads it.
        """
        if before is None or before["status"] == after["status"] or after["dry_run"]:
            return
        batch = from_fields(Batch, after)
        if batch.status not in (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_FAILURES):
            return
        records = self._simulation.file_records()
        name = "closed_counts_match"
        indexed = sum(
            record.batch_id == batch.batch_id and record.status is FileStatus.INDEXED
            for record in records
        )
        deleted = sum(record.removed_in == batch.batch_id for record in records)
        require(batch.counts.get("indexed") == indexed, name, batch.counts, indexed)
        require(batch.counts.get("deleted") == deleted, name, batch.counts, deleted)
        readable = sum(record.status is FileStatus.FAILED for record in records)
        damaged = self._simulation.documents.count(Query("files")) - len(records)
        failed = batch.counts.get("failed", 0)
        require(readable <= failed <= readable + damaged, name, batch.counts, readable)
        unfinished = [
            record
            for record in records
            if record.status in UNFINISHED and record.path.startswith(batch.prefix)
        ]
        require(not unfinished, name, "over, but not", unfinished)
        has_failures = batch.status is BatchStatus.COMPLETED_WITH_FAILURES
        require(has_failures == bool(failed), name, f"{batch.status} with {failed} failed")

    def _removal_is_grounded(self, before: Fields | None, after: Fields) -> None:
        """A removal needs an object that was gone and a complete scan."""
        role = self._simulation.role()
        if before is None or before["status"] == after["status"]:
            return
        record = from_fields(FileRecord, after)
        if record.status is FileStatus.INDEXED and role:
            (self.indexed if role.kind in ("step", "look") else self.put_back).add(record.path)
        if before["status"] == FileStatus.INDEXED.value and record.status is FileStatus.PENDING:
            require(
                record.desired_key != record.current_key,
                "indexed_content_is_not_imported_again",
                record,
            )
        if record.status is FileStatus.REMOVAL_CANDIDATE and role and role.kind == "scan":
            self._was_gone(record.path, "nothing_deleted_after_bad_listing")
        if record.status is FileStatus.DELETING:
            pages = self._simulation.records.documents.query(
                Query(f"batches/{record.batch_id}/pages", order_by=("-index",), limit=1)
            )
            complete = pages and pages[0].fields and not pages[0].fields["next_start"]
            require(complete, "removals_only_after_a_complete_scan", record.path)
            policy = self._simulation.records.get(Batch, batch_path(record.batch_id or "")).present
            mirrors = policy.delete_policy is DeletePolicy.MIRROR
            require(mirrors, "removals_only_where_asked_for", record.path, "in", policy)
            self._guards.removal(record)

    def _one_claim_at_a_time(self, before: Fields | None, after: Fields) -> None:
        """A live claim excludes every other delivery."""
        old, new = before and before["claim"], after["claim"]
        if not old or not new or old["id"] == new["id"]:
            return
        is_over = self._simulation.stage.now() >= old["expires_at"]
        require(is_over, "one_claim_at_a_time", f"{after['path']}: {new} over {old}")

    def _attempts_are_earned(self, after: Fields) -> None:
        """At most one attempt, and one more for each fault that counts; a 429 does not."""
        most, attempts = (
            1 + self._simulation.gate.troubles(after["path"]),
            after["tries"]["attempts"],
        )
        require(
            attempts <= most,
            "no_file_blamed_without_cause",
            f"{after['path']}: {attempts} attempts, not {most}",
        )

    def _is_planned_anew_a_few_times(self, after: Fields) -> None:
        """A file whose object keeps changing is left to the next sync."""
        most = self._simulation.rules.file.max_aims
        times = after.get("aims", 0)
        require(times <= most, "restless_files_are_left", after["path"], times)

    def _was_gone(self, path: str, name: str) -> None:
        simulation = self._simulation
        since = simulation.library.there_since(path)
        actor = simulation.stage.current
        began = actor.started_at if actor else simulation.stage.now()
        require(since is None or since >= began, name, path, "has been there since", since)

    def deleting(self, name: str) -> None:
        """Foreign documents and the last good document of a wanted path are not deleted."""
        simulation = self._simulation
        require(name not in simulation.neighbour.documents, "foreign_documents_untouched", name)
        if not self._is_late():
            self._counts_no_more(name)
        store = simulation.target()
        document = simulation.document(name)
        if document is None or document.state is not RemoteState.ACTIVE:
            return
        if not name.startswith(store):
            return  # of the store before
        made = simulation.gemini._document("", name)
        if made.fate.document_fails or made.fate.operation_fails:
            return  # it had failed, and has recovered just now
        path = str(document.metadata["path"])
        others = [
            other
            for other in map(simulation.document, self._imports_of[path])
            if other is not None
            and other.name != name
            and other.name.startswith(store)
            and other.state is RemoteState.ACTIVE
        ]
        if not others:
            self._was_gone(path, "old_document_goes_last")

    def deletion_sent(self, name: str) -> None:
        """A request to delete this document was sent, whatever becomes of it."""
        self._to_be_deleted.add(name)

    def _counts_no_more(self, name: str) -> None:
        """A document is deleted only while no record relies on it, however late that is."""
        for record in self._simulation.file_records():
            relied_on = (record.current_document, record.new_document)
            require(name not in relied_on, "nothing_relied_on_is_deleted", name, record)

    # --- imports ----------------------------------------------------------------------------

    def _importing(self, call: Call) -> None:
        """No content is imported that the store holds.

        A document doesn't count if a late request put it there, or if its deletion was requested:
        that may take effect at any time.
        """
        if self._is_late():
            return
        there = [
            document
            for document in map(self._simulation.document, self._imports_of[_entry(call, "path")])
            if document is not None
            and document.name.startswith(call.arguments[0])
            and document.metadata["content_key"] == _entry(call, "content_key")
            and document.state is not RemoteState.FAILED
            and document.name not in self._late_documents | self._to_be_deleted
        ]
        require(not there, "no_content_imported_twice", there)

    def _imported(self, call: Call, operation: ImportOperation) -> None:
        self._simulation.day_limits.imported(call)
        role = self._simulation.role()
        if role is not None and role.task is not None:
            payload = role.task.payload
            self._guards.import_begins(str(payload["batch"]), str(payload["path"]))
        document = operation.name.replace("/operations/", "/documents/")
        self._imports_of[_entry(call, "path")].append(document)
        self._sent[_content(call)].append(self._simulation.stage.now())
        if self._is_late():
            self._late_documents.add(document)

    def landed(self, call: Call, called_at: datetime) -> None:
        """An import took effect late: it was waited for, and not sent again in the meantime."""
        now = self._simulation.stage.now()
        again = [at for at in self._sent[_content(call)] if called_at < at < now]
        require(
            not again, "no_content_imported_twice", call, "lost at", called_at, "and sent", again
        )

    def _is_late(self) -> bool:
        """Whether the caller of the current actor has given up, or there is none."""
        role = self._simulation.role()
        return role is None or self._simulation.stage.now() > role.deadline


def _key(call: Call) -> tuple[QueueName, str]:
    task = call.arguments[0]
    return task.queue, task.id


def _entry(call: Call, key: str) -> str:
    """An entry of the metadata of the document that is imported."""
    return next(str(entry.value) for entry in call.arguments[2] if entry.key == key)


def _content(call: Call) -> tuple[str, ...]:
    """What is imported into which store."""
    return call.arguments[0], _entry(call, "path"), _entry(call, "content_key")


def _is_closed(fields: Fields | None) -> bool:
    """Whether these are the fields of a closed batch."""
    return fields is not None and fields.get("phase") == BatchPhase.CLOSED.value
