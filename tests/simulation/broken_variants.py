"""Deliberately broken variants of the code, each with the invariants that it breaks.

The seeds of the tests must find every one of them. A variant replaces only public names of a module
or class, or the ports that a class is given, so private code may change without a change here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shared.domain.batch import lease
from shared.domain.batch.batch import DeletePolicy
from shared.domain.errors import GatewayError, Refused
from shared.domain.file import attempt, keeping, known_documents, lifecycle, outcomes, setting_aside
from shared.domain.file.file_policy import FilePolicy
from shared.domain.file.record import Change, FailureKind, FileRecord, FileStatus
from shared.domain.scan import comparison
from shared.domain.throttle import breaker, breaker_state, late_starts
from shared.gateways.database.records import Records, replacing
from shared.gateways.ports import RemoteState, Update
from shared.services.batch.completion import Completion
from shared.services.batch.lost_tasks import LostTasks
from shared.services.batch.prepare import Preparation
from shared.services.batch.run import RunningBatch
from shared.services.batch.start import StartSync
from shared.services.context import Context
from shared.services.guard.removal_guard import RemovalGuard
from shared.services.lease.fencing import FencedDocuments
from shared.services.looks import finish_import, group
from shared.services.looks.finish_import import FinishImport
from shared.services.looks.look import Look
from shared.services.reconcile.reconcile import Reconcile
from shared.services.reconcile.uncertain_imports import ResolveUncertain
from shared.services.scan.scan_page import ScanPage
from shared.services.store.cut_over import CutOver
from shared.services.store.drift import MeasureDrift
from shared.services.throttle.booked_start import BookedStart, StartTurn
from shared.services.throttle.budget import Budget
from shared.services.throttle.call_gate import CallGate
from shared.services.throttle.pump import Pump
from shared.services.worker.delete_documents import DeleteDocuments
from shared.services.worker.delivery import Delivery

Patches = Mapping[tuple[Any, str], Any]
"""Replacements for attributes of modules and classes."""


@dataclass(frozen=True)
class Mutation:
    """One broken variant.

    Attributes:
        name: What the broken code does.
        seed: A seed known to find it, played first; 0 if none is known.
        invariants: The invariants of which it must break one.
        patches: The replacements.
    """

    name: str
    seed: int
    invariants: frozenset[str]
    patches: Patches


class Altered:
    """A port with some of its methods replaced."""

    def __init__(self, port: object, methods: Mapping[str, Callable[..., Any]]) -> None:
        self._port = port
        vars(self).update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def _given(owner: Any, altered: Callable[[Any], Any]) -> Patches:
    """Alter the ``Context`` or ``Delivery`` that each object of the class is given."""
    init = owner.__init__

    def build(self: Any, given: Any, *rest: Any) -> None:
        init(self, altered(given), *rest)

    return {(owner, "__init__"): build}


def _with_gemini(context: Context, **methods: Callable[..., Any]) -> Context:
    port: Any = Altered(context.gemini, methods)
    return replace(context, gemini=port)


def _with_bucket(context: Context, **methods: Callable[..., Any]) -> Context:
    port: Any = Altered(context.bucket, methods)
    return replace(context, bucket=port)


def _with_documents(context: Context, **methods: Callable[..., Any]) -> Context:
    port: Any = Altered(context.records.documents, methods)
    return replace(context, records=Records(port, context.clock))


_DOUBLES = (
    "no_content_imported_twice one_live_document_per_path one_document_per_content_key no_orphans "
    "store_matches_bucket"
)


# --- claims ---------------------------------------------------------------------------------

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


def _unknown_is_taken_for_failed(record: Any, now: Any, policy: Any, **_more: Any) -> Any:
    return attempt.tried_again(record, "no reply", None, now, 0.5, policy)


def _lists_nothing(context: Context) -> Context:
    list_documents = context.gemini.list_documents

    def nothing(*where: Any) -> Any:
        return replace(list_documents(*where), documents=())

    return _with_gemini(context, list_documents=nothing)


def _lists_one_page(context: Context) -> Context:
    list_documents = context.gemini.list_documents

    def only_page(*where: Any) -> Any:
        return replace(list_documents(*where), next_page_token="")

    return _with_gemini(context, list_documents=only_page)


def _lists_all_as_ours(context: Context) -> Context:
    list_documents, owner = context.gemini.list_documents, context.rules.settings.owner

    def ours(*where: Any) -> Any:
        page = list_documents(*where)
        documents = (
            replace(each, metadata={**each.metadata, "owner": owner}) for each in page.documents
        )
        return replace(page, documents=tuple(documents))

    return _with_gemini(context, list_documents=ours)


_tried_again = attempt.tried_again
_given_back = attempt.given_back


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


def _deletes_forerunners_first(delivery: Delivery) -> Delivery:
    gemini = delivery.context.gemini

    def deleting_first(read: Callable[..., Any]) -> Callable[..., Any]:
        def read_afterwards(name: str) -> Any:
            for forerunner in known_documents.forerunners(delivery.record):
                with suppress(GatewayError):
                    gemini.delete_document(forerunner)
            return read(name)

        return read_afterwards

    context = _with_gemini(
        delivery.context,
        get_operation=deleting_first(gemini.get_operation),
        get_document=deleting_first(gemini.get_document),
    )
    return replace(delivery, context=context)


def _takes_the_document_for_good(delivery: Delivery) -> Delivery:
    get_document = delivery.context.gemini.get_document

    def good(name: str) -> Any:
        document = get_document(name)
        record = delivery.record
        if name != record.new_document:
            return document
        metadata = {**document.metadata, finish_import.CONTENT_KEY: record.working_key or ""}
        return replace(document, state=RemoteState.ACTIVE, metadata=metadata)

    return replace(delivery, context=_with_gemini(delivery.context, get_document=good))


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


_replanned = comparison.replanned


def _planned_anew_for_ever(record: Any, wanted: Any, now: Any, policy: FilePolicy) -> Any:
    return _replanned(record, wanted, now, replace(policy, max_aims=10**6))


# --- removals -------------------------------------------------------------------------------


def _takes_every_page_for_the_last(context: Context) -> Context:
    query_documents = context.records.documents.query

    def last_pages(query: Any) -> Any:
        found = query_documents(query)
        if not query.collection.endswith("/pages"):
            return found
        return [
            replace(
                each,
                fields={**(each.fields or {}), "next_start": ""},
                version=(
                    "altered",
                    each.version,
                ),  # an altered read must not satisfy a condition on the real version
            )
            for each in found
        ]

    return _with_documents(context, query=last_pages)


_waiting = RemovalGuard.waiting


def _all_candidates(self: Any, batch: Any) -> int:
    return _waiting(self, replace(batch, delete_policy=DeletePolicy.MIRROR))


def _failed_listing_is_empty(context: Context) -> Context:
    list_objects = context.bucket.list_objects

    def listed(**where: Any) -> Any:
        try:
            return list_objects(**where)
        except GatewayError:
            return []

    return _with_bucket(context, list_objects=listed)


def _finds_no_object(delivery: Delivery) -> Delivery:
    stat = delivery.context.bucket.stat

    def gone(name: str) -> None:
        stat(name)

    return replace(delivery, context=_with_bucket(delivery.context, stat=gone))


# --- looks ----------------------------------------------------------------------------------


def _whatever_is_there(stored: Any, new: Any) -> Any:
    write = replacing(stored, new)
    return replace(write, if_version=None) if isinstance(write, Update) else write


_commit_together = Records.commit_together


def _overwrites_what_changed(self: Any, units: Any, most: Any) -> Any:
    """Write the result of a look although the file has begun another attempt since."""
    versions = _commit_together(self, units, most)
    for place, (unit, made) in enumerate(zip(units, versions, strict=True)):
        if made is None and len(unit) == 1 and isinstance(unit[0], Update):
            versions[place] = self.documents.commit([replace(unit[0], if_version=None)])
    return versions


def _parts_the_units(self: Any, units: Any, most: Any) -> Any:
    return _commit_together(self, [unit[:1] for unit in units], most)


def _wakes_nobody(context: Context) -> Context:
    queues: Any = Altered(context.queues, {"create_many": len})
    return replace(context, queues=queues)


def _goes_on_before_the_commit(_self: Any, then: Callable[[], None]) -> None:
    then()


# --- the service ----------------------------------------------------------------------------

_on_throttled = breaker.on_throttled


def _late_throttling_extends(
    state: Any, window: Any, permit: Any, now: Any, policy: Any, **more: Any
) -> Any:
    if state.state is breaker_state.CircuitState.OPEN:
        return replace(state, cooldown_until=now + policy.cooldown)
    return _on_throttled(state, window, permit, now, policy, **more)


_on_success = breaker.on_success


def _stale_permit_counts(state: Any, permit: Any, now: Any, policy: Any) -> Any:
    if state.state is not breaker_state.CircuitState.HALF_OPEN:
        return _on_success(state, permit, now, policy)
    successes = state.probe_successes + 1
    if successes >= policy.half_open_probes:
        return breaker_state.change_state(state, breaker_state.CircuitState.CLOSED, now)
    return replace(state, probe_successes=successes)


_succeeded = CallGate.succeeded


def _success_always_told(self: Any, permit: Any) -> None:
    _succeeded(self, replace(permit, probe_id=permit.probe_id or "none"))


def _starts_at_once(*_arguments: Any) -> StartTurn:
    return StartTurn.NOW


# --- batches --------------------------------------------------------------------------------

_acquire = lease.acquire


def _fence_stays(last: Any, *arguments: Any, floor: int) -> Any:
    acquired = _acquire(last, *arguments, floor=floor)
    return replace(acquired, fence=last.fence if last else 1)


_plan = Pump.plan


def _slots_given_stay_free(self: Any, next_slot_at: Any, *rest: Any, **options: Any) -> Any:
    return replace(_plan(self, next_slot_at, *rest, **options), next_slot_at=next_slot_at)


_fence = FencedDocuments.__init__


def _fence_lets_everyone_pass(self: Any, records: Any, *rest: Any) -> None:
    _fence(self, records, *rest)
    self.commit = records.documents.commit


def _sees_no_batch(context: Context) -> Context:
    get = context.records.documents.get

    def missing(path: str) -> Any:
        found = get(path)
        return replace(found, fields=None) if path.startswith("batches/") else found

    return _with_documents(context, get=missing)


_prepare = Preparation.__call__


def _store_is_taken_as_known(self: Any, batch: Any, deadline: Any) -> Any:
    prepared = _prepare(self, batch, deadline)
    return prepared and replace(prepared, records_lost=False)


def _fence_begins_again(*arguments: Any, floor: int) -> Any:  # noqa: ARG001 - that is the fault
    return _acquire(*arguments)


_set_aside = setting_aside.set_aside


def _taken_for_new(*arguments: Any, **keywords: Any) -> FileRecord:
    return replace(_set_aside(*arguments, **keywords), aside=None)


_drift = MeasureDrift.__call__


def _drift_passed_over(self: Any, *arguments: Any) -> Any:
    drift = _drift(self, *arguments)
    return replace(drift, held=drift.stored)


def _cut_over_at_once(self: Any) -> str:
    with suppress(Refused):
        self.promote()
    return ""


def _nothing(*_arguments: Any, **_keywords: Any) -> None:
    """Do nothing."""


MUTATIONS = tuple(
    Mutation(name, seed, frozenset(invariants.split()), patches)
    for name, seed, invariants, patches in (
        (
            "claim_not_checked",
            13,
            "one_claim_at_a_time",
            {(lifecycle, "turn"): _claim_not_checked},
        ),
        (
            "stale_task_not_recognised",
            0,
            f"metered_within_allowance {_DOUBLES}",
            {(lifecycle, "turn"): _stale_task_taken},
        ),
        (
            "task_seq_not_bumped",
            13,
            "no_wait_without_deadline every_batch_closed",
            {(lifecycle, "handed_on"): _seq_not_bumped},
        ),
        (
            "unknown_outcome_is_taken_for_a_failure",
            0,
            _DOUBLES,
            {(attempt, "import_uncertain"): _unknown_is_taken_for_failed},
        ),
        (
            "uncertain_imports_blindly",
            0,
            _DOUBLES,
            _given(ResolveUncertain, _lists_nothing),
        ),
        (
            "partial_listing_decides",
            0,
            _DOUBLES,
            _given(ResolveUncertain, _lists_one_page),
        ),
        (
            "foreign_documents_taken",
            233,
            "foreign_documents_untouched store_matches_bucket",
            _given(ResolveUncertain, _lists_all_as_ours),
        ),
        (
            "attempts_not_counted",
            25,
            "no_wait_without_deadline every_batch_closed",
            {(attempt, "tried_again"): _attempts_not_counted},
        ),
        (
            "give_back_fails_the_file",
            12,
            "no_file_blamed_without_cause",
            {(attempt, "given_back"): _given_back_is_failed},
        ),
        (
            "throttling_costs_an_attempt",
            9,
            "no_file_blamed_without_cause",
            {(attempt, "given_back"): _given_back_costs_an_attempt},
        ),
        (
            "old_document_not_deleted",
            4,
            _DOUBLES,
            {(known_documents, "forerunners"): lambda _record: ()},
        ),
        (
            "unreadable_costs_a_document",
            21,
            "old_document_goes_last nothing_deleted_after_bad_listing",
            {
                (keeping, "keeps_documents"): lambda _record: False,
                (comparison, "is_kept"): lambda _record, wanted: wanted.skip_reason is None,
            },
        ),
        (
            "old_document_deleted_first",
            4,
            "old_document_goes_last nothing_relied_on_is_deleted",
            _given(FinishImport, _deletes_forerunners_first),
        ),
        (
            "new_document_not_verified",
            25,
            "old_document_goes_last store_matches_bucket",
            _given(FinishImport, _takes_the_document_for_good),
        ),
        (
            "raw_expiry_resets_indexed",
            13,
            "indexed_content_is_not_imported_again",
            {(comparison, "compare"): _raw_expiry_resets},
        ),
        (
            "scan_overwrites_in_flight",
            26,
            f"{_DOUBLES} no_defect_raised old_document_goes_last",
            {(comparison, "RESTING"): tuple(FileStatus)},
        ),
        (
            "add_only_removes",
            222,
            "removals_only_where_asked_for",
            {(RemovalGuard, "waiting"): _all_candidates},
        ),
        (
            "bucket_failure_costs_a_try",
            43,
            "no_file_blamed_without_cause",
            {(Delivery, "source_unavailable"): _source_counts_as_a_try},
        ),
        (
            "refused_for_good_is_tried_again",
            29,
            "no_file_blamed_without_cause",
            {(finish_import, "INVALID_ARGUMENT"): None},
        ),
        (
            "removal_after_incomplete_scan",
            94,
            "removals_only_after_a_complete_scan",
            _given(RunningBatch, _takes_every_page_for_the_last),
        ),
        (
            "failed_listing_is_empty",
            101,
            "nothing_deleted_after_bad_listing",
            _given(ScanPage, _failed_listing_is_empty),
        ),
        (
            "no_last_look_before_removal",
            67,
            "old_document_goes_last",
            _given(DeleteDocuments, _finds_no_object),
        ),
        (
            "removed_documents_count_while_they_go",
            4,
            "nothing_relied_on_is_deleted",
            {(known_documents, "documents_going"): lambda record: record},
        ),
        (
            "older_documents_count_while_they_go",
            4,
            "nothing_relied_on_is_deleted",
            {(known_documents, "forerunners_going"): lambda record: record},
        ),
        (
            "failed_document_counts_while_it_goes",
            25,
            "nothing_relied_on_is_deleted",
            {(known_documents, "document_going"): lambda record, _document: record},
        ),
        (
            "late_429_extends_the_cooldown",
            75,
            "legal_breaker_transitions",
            {(breaker, "on_throttled"): _late_throttling_extends},
        ),
        (
            "stale_permit_counted",
            0,
            "legal_breaker_transitions",
            {
                (breaker, "on_success"): _stale_permit_counts,
                (CallGate, "succeeded"): _success_always_told,
            },
        ),
        ("fence_stays", 1, "one_holder_per_fence", {(lease, "acquire"): _fence_stays}),
        (
            "two_batches_at_once",
            6,
            "one_running_batch one_holder_per_fence",
            {
                **_given(StartSync, _sees_no_batch),
                (lease, "may_take_over_at"): lambda last, _policy: last.acquired_at,
            },
        ),
        (
            "commit_not_fenced",
            0,
            "one_holder_per_fence one_supervisor_at_a_time",
            {(FencedDocuments, "__init__"): _fence_lets_everyone_pass},
        ),
        (
            "pump_gives_slots_twice",
            9,
            "metered_within_allowance",
            {(Pump, "plan"): _slots_given_stay_free},
        ),
        (
            "late_deliveries_start_at_once",
            0,
            "metered_within_allowance",
            {(BookedStart, "take"): _starts_at_once},
        ),
        (
            "late_starts_not_marked",
            0,
            "metered_within_allowance",
            {(late_starts, "mark_until"): lambda *_: None},
        ),
        (
            "lease_not_released",
            1,
            "no_wait_without_deadline lease_free every_batch_closed",
            {(lease, "release"): lambda last, *_: last},
        ),
        (
            "overdue_files_not_looked_for",
            9,
            "no_wait_without_deadline every_batch_closed",
            {(LostTasks, "recreate"): _nothing},
        ),
        (
            "looks_committed_without_precondition",
            77,
            "looks_hold_for_what_was_read",
            {(group, "replacing"): _whatever_is_there},
        ),
        (
            "look_at_another_attempt_believed",
            77,
            "looks_hold_for_what_was_read",
            {(Records, "commit_together"): _overwrites_what_changed},
        ),
        (
            "ledger_parted_from_the_record",
            19,
            "ledger_goes_with_the_record",
            {(Records, "commit_together"): _parts_the_units},
        ),
        (
            "dead_poller_never_replaced",
            84,
            "no_wait_without_deadline every_batch_closed",
            _given(LostTasks, _wakes_nobody),
        ),
        (
            "documents_deleted_before_the_commit",
            4,
            "nothing_relied_on_is_deleted",
            {(Look, "after_commit"): _goes_on_before_the_commit},
        ),
        (
            "restless_file_never_left",
            0,
            "restless_files_are_left",
            {(comparison, "replanned"): _planned_anew_for_ever},
        ),
        (
            "batch_closed_too_soon",
            1,
            "closed_counts_match",
            {(Completion, "is_at_rest"): lambda *_: True},
        ),
        (
            "drift_not_looked_into",
            4,
            f"{_DOUBLES} differences_are_looked_into",
            {(MeasureDrift, "__call__"): _drift_passed_over},
        ),
        (
            "fence_begins_again",
            2,
            "one_holder_per_fence",
            {(lease, "acquire"): _fence_begins_again},
        ),
        (
            "cut_over_too_soon",
            0,
            "old_store_serves_until_filled",
            {(CutOver, "promote_if_filled"): _cut_over_at_once},
        ),
        (
            "lost_records_not_rebuilt",
            6,
            "no_content_imported_twice",
            {(Preparation, "__call__"): _store_is_taken_as_known},
        ),
        (
            "damaged_file_is_taken_for_new",
            0,
            "no_content_imported_twice",
            {(setting_aside, "set_aside"): _taken_for_new},
        ),
        (
            "orphan_of_foreign_owner_deleted",
            4,
            "foreign_documents_untouched",
            _given(Reconcile, _lists_all_as_ours),
        ),
        (
            "refusal_counts_as_a_try",
            9,
            "no_file_blamed_without_cause",
            {(attempt, "given_back"): _given_back_is_tried_again},
        ),
        (
            "day_of_imports_is_not_limited",
            44,
            "a_day_costs_no_more_than_it_may",
            {(Budget, "spending"): lambda *_: None},
        ),
        (
            "spending_of_the_day_is_forgotten",
            44,
            "a_day_costs_no_more_than_it_may",
            {(Budget, "spent"): lambda *_: 0.0},
        ),
    )
)
