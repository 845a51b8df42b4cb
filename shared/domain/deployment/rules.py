"""All settings that decisions depend on, as one value; built once from the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.batch.batch import DeletePolicy
from shared.domain.batch.lease import LeasePolicy
from shared.domain.estimate.prices import Price, load_prices
from shared.domain.file.file_policy import FilePolicy
from shared.domain.ids import import_settings_digest, owner_tag
from shared.domain.source.path_glob import PathGlob
from shared.domain.source.path_template import PathTemplate
from shared.domain.source.preflight import MAX_DOCUMENT_SIZE
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.holds import HoldPolicy
from shared.domain.throttle.spacing import Start
from shared.domain.throttle.tiers import Tier

TICK = timedelta(seconds=60)
"""Scheduler's period: the longest the supervisor is away."""

RECONCILE_EVERY = timedelta(days=7)
"""Counts that agree may do so by chance: so the store is listed as often as this all the same."""

NUDGE = timedelta(seconds=10)
"""Events within such a span wake the supervisor once."""

SCAN_PATIENCE = timedelta(hours=1)
"""How long the bucket may fail to be listed."""

INLINE_WAIT = timedelta(seconds=3.75)
"""How long a running instance is paid to wait for Gemini, before a task waits instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One deployment's rules.

    Attributes:
        bucket: The bucket's name.
        prefix: Only objects under it are synced; empty for the whole bucket.
        deployment: The deployment's name; with bucket and prefix it makes the owner tag.
        store_display_name: By this name the store is found, or created.
        tier: The quota tier.
        journey: Times and bounds of a file's journey.
        breaker: Thresholds and times of the circuit breaker.
        holds: How long each kind of hold lasts.
        lease: Times of the writer's lease.
        embedding_model: Of a new store; empty for the service's default.
        max_tokens_per_chunk: 0 for the service's own chunking.
        max_overlap_tokens: Only with ``max_tokens_per_chunk``.
        path_template: Reads metadata from paths.
        expected_fields: What a complete file's metadata holds.
        include: Globs; empty for everything.
        exclude: Globs, stronger than ``include``.
        max_file_bytes: Larger files are skipped.
        delete_policy: Unless a sync asks for another.
        reconcile_every: The store is listed whole once so much time has passed since the last time.
        max_imports_in_progress: Imports started and not settled.
        max_raw_bytes: Bytes uploaded and not yet imported; the Files API holds 20 GB a project.
        page_size: Objects of one scan page.
        scan_patience: A scan of which no page could be listed for so long ends its batch.
        work_budget: After this a function hands its work on.
        inline_wait: How long a dispatch may wait for Gemini before it hands on.
        start: How metered requests begin after a pause.
        tick: Scheduler's period.
        nudge: Nudges of one such span are one.
        batch_max_age: After this a batch closes and leaves the rest to the next.
        retention: How long batches and operations are kept.
    """

    bucket: str
    prefix: str = ""
    deployment: str
    store_display_name: str
    tier: Tier
    journey: FilePolicy = field(default_factory=FilePolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    holds: HoldPolicy = field(default_factory=HoldPolicy)
    lease: LeasePolicy = field(default_factory=LeasePolicy)
    embedding_model: str = ""
    max_tokens_per_chunk: int = 0
    max_overlap_tokens: int = 0
    path_template: PathTemplate | None = None
    expected_fields: tuple[str, ...] = ()
    include: tuple[PathGlob, ...] = ()
    exclude: tuple[PathGlob, ...] = ()
    max_file_bytes: int = MAX_DOCUMENT_SIZE
    delete_policy: DeletePolicy = DeletePolicy.MIRROR
    reconcile_every: timedelta = RECONCILE_EVERY
    max_imports_in_progress: int = 50
    max_raw_bytes: int = 2_000_000_000
    page_size: int = 1000
    scan_patience: timedelta = SCAN_PATIENCE
    work_budget: timedelta = timedelta(seconds=240)
    inline_wait: timedelta = INLINE_WAIT
    start: Start = field(default_factory=Start)
    tick: timedelta = TICK
    nudge: timedelta = NUDGE
    batch_max_age: timedelta = timedelta(hours=23)
    retention: timedelta = timedelta(days=90)

    @property
    def owner(self) -> str:
        """The owner tag that this deployment's documents carry."""
        return owner_tag(bucket=self.bucket, prefix=self.prefix, deployment=self.deployment)

    @property
    def price(self) -> Price | None:
        """What embedding costs with this deployment's model; None if that is not known."""
        return load_prices().price_of(self.embedding_model)

    @property
    def import_settings(self) -> str:
        """Digest of the settings that shape a document beside its file."""
        return import_settings_digest(
            embedding_model=self.embedding_model,
            max_tokens_per_chunk=self.max_tokens_per_chunk,
            max_overlap_tokens=self.max_overlap_tokens,
        )

    @property
    def pump_horizon(self) -> timedelta:
        """How far ahead metered requests are planned: one tick may fail to come."""
        return self.tick * 2

    def relative(self, path: str) -> str:
        """An object's name without the deployment's prefix."""
        return path.removeprefix(self.prefix)
