"""Broken variants of what limits a sync: guards, holds, permits, the lease, figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.domain.batch import guards
from shared.domain.file.record import FileStatus
from shared.domain.throttle import holds
from shared.domain.throttle.holds import HoldReason
from shared.gateways.database import queries, records
from shared.gateways.ports import Query
from shared.services.batch import ask_sync, start
from shared.services.batch.ask_sync import AskedSyncs
from shared.services.batch.control import ControlBatch
from shared.services.lease.close_batch import CloseBatch
from shared.services.scan.scan_page import ScanPage
from shared.services.throttle.call_gate import CallGate
from tests.simulation.broken_variants import Mutation, _nothing

_check_deletions = guards.check_deletions


def _counts_what_goes_as_staying(waiting: int, staying: int, most: Any) -> None:
    _check_deletions(waiting, staying + 2 * waiting, most)


_scan_page = ScanPage.__init__


def _scans_in_earnest(self: Any, context: Any, batch: Any, paths: Any) -> None:
    _scan_page(self, context, replace(batch, dry_run=False), paths)


_hold_for = holds.hold_for


def _full_for_ever(reason: Any, now: Any, policy: Any) -> Any:
    hold = _hold_for(reason, now, policy)
    if reason is not HoldReason.STORAGE:
        return hold
    return replace(hold, hold_until=now + timedelta(days=365))


_in_batch = queries.effective_imports_in


def _of_any_batch(_batch_id: str, status: FileStatus, limit: int | None = None) -> Query:
    return queries.with_status(status, limit=limit)


def _no_imports(_batch_id: str) -> Query:
    return _in_batch("none")


_below = queries.below
_running = CallGate.running


def _never_stops(self: Any, batch_id: str, *part: str, **known: Any) -> Any:
    return _running(self, batch_id, *part, **known) if batch_id else []


MUTATIONS = tuple(
    Mutation(name, seed, frozenset(invariants.split()), patches)
    for name, seed, invariants, patches in (
        (
            "cap_counts_what_goes",
            580,
            "removals_within_the_cap",
            {(guards, "check_deletions"): _counts_what_goes_as_staying},
        ),
        (
            "requested_cap_is_not_asked",
            34,
            "removals_within_the_cap",
            {(guards, "check_deletions"): _nothing},
        ),
        (
            "requested_imports_are_not_counted",
            4,
            "imports_within_what_was_asked",
            {(guards, "check_imports"): _nothing},
        ),
        (
            "changed_settings_import_all_unasked",
            0,
            "changed_settings_are_asked_for",
            {(guards, "check_changed_settings"): _nothing},
        ),
        (
            "imports_of_a_sync_are_not_counted",
            32,
            "imports_of_a_sync_within_their_limit",
            {(queries, "effective_imports_in"): _no_imports},
        ),
        (
            "part_imports_what_others_left",
            0,
            "imports_of_a_part_are_of_the_part",
            {(queries, "below"): lambda _prefix, query: _below("", query)},
        ),
        (
            "dry_run_writes_records",
            1,
            "dry_run_changes_nothing",
            {(ScanPage, "__init__"): _scans_in_earnest},
        ),
        (
            "holds_are_not_seen",
            5,
            "nothing_begins_while_held",
            {(holds, "in_force"): lambda *_: None},
        ),
        (
            "stopped_batch_goes_on",
            6,
            "nothing_begins_while_held",
            {(CallGate, "running"): _never_stops},
        ),
        (
            "full_storage_is_held_for_ever",
            13,
            "no_wait_without_deadline",
            {(holds, "hold_for"): _full_for_ever},
        ),
        (
            "probe_keeps_its_permit",
            75,
            "permits_are_returned",
            {(CallGate, "return_permit"): _nothing},
        ),
        (
            "lease_kept_after_a_cancel",
            35,
            "lease_free no_wait_without_deadline",
            {(CloseBatch, "release_lease"): _nothing},
        ),
        (
            "figures_count_files_of_every_batch",
            2,
            "figures_are_of_the_batch closed_counts_match",
            {(queries, "of_batch"): _of_any_batch},
        ),
        (
            "any_start_takes_the_flag_back",
            1,
            "told_changes_are_synced",
            {(start, "is_answered_by"): lambda *_: True},
        ),
        (
            "asked_sync_begins_at_once",
            3,
            "asked_syncs_keep_their_distance",
            {(ask_sync, "may_begin_at"): lambda asked_at, *_: asked_at},
        ),
        (
            "asked_sync_never_begins",
            1,
            "told_changes_are_synced",
            {(AskedSyncs, "begin"): _nothing},
        ),
        (
            "resumed_batch_stays_paused",
            6,
            "no_wait_without_deadline",
            {(ControlBatch, "resume"): _nothing},
        ),
        (
            "commits_are_not_split",
            100,
            "no_defect_raised every_batch_closed no_wait_without_deadline",
            {(records, "MAX_WRITES_PER_COMMIT"): 10**6},
        ),
    )
)
