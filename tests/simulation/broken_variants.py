"""Deliberately broken variants of the code, each with the promises it breaks.

The simulation is worth what it finds: every one of these must be found by the seeds of the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.batch import lease
from shared.domain.batch.batch import BatchPhase
from shared.domain.errors import GatewayError
from shared.domain.file import known_documents, lifecycle, outcomes, transfer
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.lifecycle import Step
from shared.domain.file.record import Change, FailureKind, FileStatus
from shared.domain.scan import comparison
from shared.domain.throttle import breaker, circuit
from shared.services.batch import run
from shared.services.batch.completion import Completion
from shared.services.batch.lost_tasks import LostTasks
from shared.services.batch.prepare import Preparation
from shared.services.batch.removal_guard import RemovalGuard
from shared.services.batch.run import RunningBatch
from shared.services.batch.start import StartSync
from shared.services.lease.close_batch import CloseBatch
from shared.services.lease.fencing import FencedDocuments
from shared.services.lease.held_batch import changed
from shared.services.reconcile.our_documents import OurDocuments
from shared.services.reconcile.uncertain_imports import ResolveUncertain
from shared.services.scan.scan_page import ScanPage
from shared.services.store.cut_over import CutOver
from shared.services.throttle import call_gate
from shared.services.worker import delete_documents, finish_import
from shared.services.worker.delivery import Delivery
from shared.services.worker.finish_import import FinishImport

Patches = Mapping[tuple[Any, str], Any]
"""What is put in place of an attribute of a module or class."""


@dataclass(frozen=True)
class Mutation:
    """One broken variant.

    Attributes:
        name: What the broken code does.
        seed: One that is known to find it, tried first; any other may do as well.
        invariants: The promises any of which may show it.
        patches: What is put where.
    """

    name: str
    seed: int
    invariants: frozenset[str]
    patches: Patches


_DOUBLES = (
    "no_content_imported_twice one_live_document_per_path one_document_per_content_key no_orphans "
    "store_matches_bucket"
)


# --- whose turn it is -----------------------------------------------------------------------

_turn = lifecycle.turn


def _claim_not_checked(record: Any, seq: Any, now: Any) -> Any:
    return _turn(replace(record, claim=None), seq, now)


def _stale_task_taken(record: Any, _seq: Any, now: Any) -> Any:
    return _turn(record, record.schedule.seq, now)


_handed_on = lifecycle.handed_on


def _seq_not_bumped(record: Any, *arguments: Any) -> Any:
    if record.status is FileStatus.PENDING:
        return _handed_on(record, *arguments)
    schedule = replace(record.schedule, seq=record.schedule.seq - 1)
    return _handed_on(replace(record, schedule=schedule), *arguments)


# --- uploads and imports --------------------------------------------------------------------

_next_step = lifecycle.next_step


def _intent_forgotten(record: Any) -> Step:
    call = record.import_call
    named = (call is not None and call.operation) or record.new_document
    if record.status is FileStatus.IMPORTING and not named:
        return Step.IMPORT
    return _next_step(record)


_settle = ResolveUncertain._settle


def _uncertain_sends_again(self: Any, file: Any, _found: Any, *rest: Any) -> Any:
    return _settle(self, file, (), *rest)


_sweep_page = ResolveUncertain.__call__


def _partial_listing_decides(self: Any, *arguments: Any) -> Any:
    gemini = self._context.gemini

    class FirstPageOnly:
        def __getattr__(self, name: str) -> Any:
            return getattr(gemini, name)

        def list_documents(self, *where: Any) -> Any:
            return replace(gemini.list_documents(*where), next_page_token="")

    self._context = replace(self._context, gemini=FirstPageOnly())
    return _sweep_page(self, *arguments)


def _any_owner_matches(_self: Any, state: Any, documents: Any) -> Any:
    for document in documents:
        key = document.metadata.get("content_key")
        if key in state.wanted:
            yield key, document.name


_tried_again = transfer.tried_again
_given_back = transfer.given_back


def _attempts_not_counted(record: Any, *arguments: Any) -> Any:
    return _tried_again(replace(record, tries=record.tries.cleared()), *arguments)


def _source_counts_as_a_try(self: Any, error: Any) -> None:
    self.try_again(str(error), error.code)


def _given_back_is_failed(record: Any, _ready_at: Any, now: Any) -> Any:
    return outcomes.failed(record, FailureKind.EXHAUSTED, "throttled", 429, now, FilePolicy())


def _given_back_is_tried_again(record: Any, _ready_at: Any, now: Any) -> Any:
    return _tried_again(record, "throttled", 429, now, 0.5, FilePolicy(max_attempts=3))


def _given_back_costs_an_attempt(record: Any, ready_at: Any, now: Any) -> Any:
    return replace(_given_back(record, ready_at, now), tries=record.tries)


_go_on = FinishImport.go_on


def _old_document_goes_first(self: Any, operation: Any = None) -> Any:
    for name in known_documents.forerunners(self._delivery.record):
        try:
            self._gemini.delete_document(name)
        except GatewayError:
            continue
    return _go_on(self, operation)


def _verification_skipped(_self: Any) -> bool:
    return True


_compare = comparison.compare


def _raw_expiry_resets(want: Any, record: Any, **rest: Any) -> Any:
    is_old = (
        record is not None
        and record.indexed_at is not None
        and ((rest["now"] - record.indexed_at).total_seconds() > 48 * 3600)
    )
    if is_old and want is not None and record.status is FileStatus.INDEXED:
        return comparison.Comparison(Change.CHANGED, outcomes.begun(record, rest["now"]))
    return _compare(want, record, **rest)


# --- removals -------------------------------------------------------------------------------


_see_to_scan = RunningBatch._see_to_scan


def _scan_taken_as_complete(self: Any, held: Any) -> Any:
    after = _see_to_scan(self, held)
    if after.present.phase is BatchPhase.SCANNING and not after.present.dry_run:
        self._release_removals(after)
    return after


def _all_candidates(self: Any, batch: Any) -> int:
    found: int = self._context.records.documents.count(self.candidates(batch))
    return found


_list = ScanPage._list


def _failed_listing_is_empty(self: Any, start: Any, known: Any) -> Any:
    try:
        return _list(self, start, known)
    except GatewayError:
        return self._with_sidecars(start, "", [])


# --- the service ----------------------------------------------------------------------------

_on_throttled = breaker.on_throttled


def _late_throttling_extends(
    state: Any, window: Any, permit: Any, now: Any, policy: Any, **more: Any
) -> Any:
    if state.state is circuit.CircuitState.OPEN:
        return replace(state, cooldown_until=now + policy.cooldown)
    return _on_throttled(state, window, permit, now, policy, **more)


_on_success = breaker.on_success


def _stale_permit_counts(state: Any, permit: Any, now: Any, policy: Any) -> Any:
    if state.state is not circuit.CircuitState.HALF_OPEN:
        return _on_success(state, permit, now, policy)
    successes = state.probe_successes + 1
    if successes >= policy.half_open_probes:
        return circuit.change_state(state, circuit.CircuitState.CLOSED, now)
    return replace(state, probe_successes=successes)


def _success_always_told(self: Any, permit: Any) -> None:
    self._change(lambda state, now: breaker.on_success(state, permit, now, self._policy))


# --- batches --------------------------------------------------------------------------------

_acquire = lease.acquire


def _fence_stays(last: Any, *arguments: Any) -> Any:
    acquired = _acquire(last, *arguments)
    return replace(acquired, fence=last.fence if last else 1)


def _slots_not_saved(context: Any, held: Any, **changes: Any) -> Any:
    changes.pop("next_slot_at", None)
    return changed(context, held, **changes) if changes else held


def _commit_unasked(self: Any, writes: Any) -> Any:
    return self._documents.commit(writes)


def _drift_passed_over(self: Any, held: Any) -> None:
    self._close_batch.finish(held, "")


def _all_are_ours(self: Any, documents: Any) -> Any:
    tags = [(each, each.metadata["path"], each.metadata["content_key"]) for each in documents]
    return [self._stored(*tag) for tag in tags], []


def _nothing(*_arguments: Any, **_keywords: Any) -> None:
    """Do nothing."""


def _closes_at_once(self: Any, held: Any) -> bool:
    self._close_batch.finish(held, "")
    return True


MUTATIONS = tuple(
    Mutation(name, seed, frozenset(invariants.split()), patches)
    for name, seed, invariants, patches in (
        (
            "claim_not_checked",
            1,
            "one_claim_at_a_time",
            {(lifecycle, "turn"): _claim_not_checked},
        ),
        (
            "stale_task_not_recognised",
            20,
            f"metered_within_allowance {_DOUBLES}",
            {(lifecycle, "turn"): _stale_task_taken},
        ),
        (
            "task_seq_not_bumped",
            12,
            "no_wait_without_deadline every_batch_closed",
            {(lifecycle, "handed_on"): _seq_not_bumped},
        ),
        ("intent_not_written", 45, _DOUBLES, {(lifecycle, "next_step"): _intent_forgotten}),
        (
            "uncertain_imports_blindly",
            34,
            _DOUBLES,
            {(ResolveUncertain, "_settle"): _uncertain_sends_again},
        ),
        (
            "partial_listing_decides",
            124,
            _DOUBLES,
            {(ResolveUncertain, "__call__"): _partial_listing_decides},
        ),
        (
            "foreign_documents_taken",
            120,
            "foreign_documents_untouched store_matches_bucket",
            {(ResolveUncertain, "_matches"): _any_owner_matches},
        ),
        (
            "attempts_not_counted",
            50,
            "no_wait_without_deadline every_batch_closed",
            {(transfer, "tried_again"): _attempts_not_counted},
        ),
        (
            "give_back_fails_the_file",
            11,
            "no_file_blamed_without_cause",
            {(transfer, "given_back"): _given_back_is_failed},
        ),
        (
            "throttling_costs_an_attempt",
            8,
            "no_file_blamed_without_cause",
            {(transfer, "given_back"): _given_back_costs_an_attempt},
        ),
        (
            "old_document_not_deleted",
            5,
            _DOUBLES,
            {(known_documents, "forerunners"): lambda _record: ()},
        ),
        (
            "old_document_deleted_first",
            35,
            "old_document_goes_last",
            {(FinishImport, "go_on"): _old_document_goes_first},
        ),
        (
            "new_document_not_verified",
            5,
            "old_document_goes_last store_matches_bucket",
            {(FinishImport, "_verify"): _verification_skipped},
        ),
        (
            "raw_expiry_resets_indexed",
            1,
            "indexed_content_is_not_imported_again",
            {(comparison, "compare"): _raw_expiry_resets},
        ),
        (
            "scan_overwrites_in_flight",
            18,
            f"{_DOUBLES} no_defect_raised old_document_goes_last",
            {(comparison, "RESTING"): tuple(FileStatus)},
        ),
        (
            "add_only_removes",
            3,
            "removals_only_where_asked_for",
            {(RemovalGuard, "waiting"): _all_candidates},
        ),
        (
            "bucket_failure_costs_a_try",
            8,
            "no_file_blamed_without_cause",
            {(Delivery, "source_unavailable"): _source_counts_as_a_try},
        ),
        (
            "refused_for_good_is_tried_again",
            19,
            "no_file_blamed_without_cause",
            {(finish_import, "INVALID_ARGUMENT"): None},
        ),
        (
            "removal_after_incomplete_scan",
            3,
            "removals_only_after_a_complete_scan",
            {(RunningBatch, "_see_to_scan"): _scan_taken_as_complete},
        ),
        (
            "failed_listing_is_empty",
            36,
            "nothing_deleted_after_bad_listing",
            {(ScanPage, "_list"): _failed_listing_is_empty},
        ),
        (
            "no_last_look_before_removal",
            9,
            "old_document_goes_last",
            {(delete_documents, "inspect_one"): _nothing},
        ),
        (
            "late_429_extends_the_cooldown",
            40,
            "legal_breaker_transitions",
            {(breaker, "on_throttled"): _late_throttling_extends},
        ),
        (
            "stale_permit_counted",
            133,
            "legal_breaker_transitions",
            {
                (breaker, "on_success"): _stale_permit_counts,
                (call_gate.CallGate, "succeeded"): _success_always_told,
            },
        ),
        ("fence_stays", 1, "one_holder_per_fence", {(lease, "acquire"): _fence_stays}),
        (
            "two_batches_at_once",
            5,
            "one_running_batch one_holder_per_fence",
            {
                (StartSync, "_check_idle"): _nothing,
                (lease, "may_take_over_at"): lambda last, _policy: last.acquired_at,
            },
        ),
        (
            "commit_not_fenced",
            226,
            "one_holder_per_fence one_supervisor_at_a_time",
            {(FencedDocuments, "commit"): _commit_unasked},
        ),
        (
            "pump_gives_slots_twice",
            3,
            "metered_within_allowance",
            {(run, "changed"): _slots_not_saved},
        ),
        (
            "lease_not_released",
            1,
            "no_wait_without_deadline lease_free every_batch_closed",
            {(CloseBatch, "_releasing"): lambda _self, _batch: []},
        ),
        (
            "overdue_files_not_looked_for",
            3,
            "no_wait_without_deadline every_batch_closed",
            {(LostTasks, "revive"): _nothing},
        ),
        (
            "batch_closed_too_soon",
            1,
            "closed_counts_match",
            {(Completion, "_is_done"): _closes_at_once},
        ),
        (
            "drift_not_looked_into",
            272,
            _DOUBLES,
            {(Completion, "_finish"): _drift_passed_over},
        ),
        (
            "cut_over_too_soon",
            218,
            "old_store_serves_until_filled",
            {(CutOver, "_served_and_failed"): lambda _self: []},
        ),
        (
            "lost_records_not_rebuilt",
            6,
            "no_content_imported_twice",
            {(Preparation, "_has_records"): lambda _self, _store: True},
        ),
        (
            "orphan_of_foreign_owner_deleted",
            3,
            "foreign_documents_untouched",
            {(OurDocuments, "read"): _all_are_ours},
        ),
        (
            "refusal_counts_as_a_try",
            8,
            "no_file_blamed_without_cause",
            {(transfer, "given_back"): _given_back_is_tried_again},
        ),
    )
)
