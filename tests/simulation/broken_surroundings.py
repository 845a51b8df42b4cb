"""Broken variants of what the code expects of its surroundings: listings, memories, late effects,
counts that lag, ledger entries that expire, processes that die.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.domain.batch.batch import Batch
from shared.domain.errors import BadRequest
from shared.domain.file import attempt
from shared.domain.scan.remembered_range import RememberedRange
from shared.domain.throttle import breaker
from shared.gateways.database.queries import OPERATIONS
from shared.services.batch.prepare import Preparation
from shared.services.batch.run import RunningBatch
from shared.services.context import Context
from shared.services.reconcile.other_deployment import OtherDeployment
from shared.services.reconcile.reconcile import Reconcile
from shared.services.scan.page_memory import PageMemory
from shared.services.scan.rescan_paths import RescanPaths
from shared.services.scan.scan_page import ScanPage
from shared.services.source.unreadable import UnreadableFiles
from tests.simulation.broken_variants import (
    _DOUBLES,
    Altered,
    Mutation,
    _given,
    _nothing,
    _with_documents,
    _with_gemini,
)

# --- listings -------------------------------------------------------------------------------


def _expired_token_is_the_end(context: Context) -> Context:
    list_documents = context.gemini.list_documents

    def listed(store: str, token: str = "") -> Any:
        try:
            return list_documents(store, token)
        except BadRequest:
            if not token:
                raise
            return replace(list_documents(store), documents=(), next_page_token="")

    return _with_gemini(context, list_documents=listed)


def _lists_an_empty_store(context: Context) -> Context:
    list_documents = context.gemini.list_documents

    def empty(*where: Any) -> Any:
        return replace(list_documents(*where), documents=(), next_page_token="")

    return _with_gemini(context, list_documents=empty)


_scan_page = ScanPage.__call__


def _one_page(self: Any, start: str) -> Any:
    return replace(_scan_page(self, start), next_start="")


def _believes_every_task_waits(context: Context) -> Context:
    queues: Any = Altered(context.queues, {"exists": lambda *_: True})
    return replace(context, queues=queues)


# --- memories -------------------------------------------------------------------------------


def _says_by_listing_alone(self: Any, listing: str, _settings: str) -> bool:
    return bool(self.listing == listing)


def _knows_no_import(context: Context) -> Context:
    query = context.records.documents.query

    def found(asked: Any) -> Any:
        return [] if asked.collection == OPERATIONS else query(asked)

    return _with_documents(context, query=found)


# --- late effects, and processes that die ---------------------------------------------------

_import_uncertain = attempt.import_uncertain


def _search_begins_at_once(record: Any, now: Any, policy: Any, **more: Any) -> Any:
    uncertain = _import_uncertain(record, now, policy, **more)
    return replace(uncertain, schedule=replace(uncertain.schedule, ready_at=now))


_admit = breaker.admit


def _permit_lasts_for_ever(state: Any, now: Any, permit: Any, policy: Any) -> Any:
    return _admit(state, now, permit, replace(policy, permit_lifetime=timedelta(days=365)))


_restarted = attempt.restarted


def _same_name_again(record: Any, now: Any, policy: Any) -> Any:
    return _restarted(replace(record, upload_epoch=record.upload_epoch - 1), now, policy)


def _false(*_arguments: Any) -> bool:
    return False


MUTATIONS = tuple(
    Mutation(name, seed, frozenset(invariants.split()), patches)
    for name, seed, invariants, patches in (
        (
            "expired_token_ends_the_listing",
            0,
            _DOUBLES,
            _given(Reconcile, _expired_token_is_the_end),
        ),
        (
            "page_trusted_under_other_settings",
            56,
            "no_file_lost store_matches_bucket",
            {(RememberedRange, "says"): _says_by_listing_alone},
        ),
        (
            "part_of_a_range_stays_remembered",
            2,
            "no_file_lost store_matches_bucket",
            {(PageMemory, "forget"): _nothing},
        ),
        (
            "paths_to_scan_again_forgotten",
            49,
            "no_file_lost store_matches_bucket",
            {(RescanPaths, "__call__"): _false},
        ),
        (
            "search_before_late_effects",
            0,
            _DOUBLES,
            {(attempt, "import_uncertain"): _search_begins_at_once},
        ),
        (
            "lagging_count_means_an_empty_store",
            66,
            _DOUBLES,
            _given(Preparation, _lists_an_empty_store),
        ),
        (
            "unknown_document_is_of_another_deployment",
            209,
            "every_batch_closed",
            _given(OtherDeployment, _knows_no_import),
        ),
        (
            "scan_ends_after_a_page",
            2,
            "no_file_lost every_batch_closed",
            {(ScanPage, "__call__"): _one_page},
        ),
        (
            "lost_scan_task_is_waited_for",
            9,
            "no_wait_without_deadline every_batch_closed",
            _given(RunningBatch, _believes_every_task_waits),
        ),
        (
            "unreadable_files_are_left",
            16,
            "no_file_lost",
            {(UnreadableFiles, "probe"): _nothing},
        ),
        (
            "permit_of_the_dead_stays",
            0,
            "no_wait_without_deadline every_batch_closed",
            {(breaker, "admit"): _permit_lasts_for_ever},
        ),
        (
            "known_difference_is_listed_each_time",
            4,
            "unchanged_costs_nothing",
            {(Batch, "explains_store"): property(_false)},
        ),
        (
            "failed_upload_is_used_again",
            0,
            "no_file_blamed_without_cause no_wait_without_deadline every_batch_closed",
            {(attempt, "restarted"): _same_name_again},
        ),
    )
)
