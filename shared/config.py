"""The configuration: environment variables, read once, every problem named at once.

A deployment's functions share most of it; each asks for the part it needs, so that the status
function needs no Gemini key and can't leak one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from shared.domain.batch.batch import DeletePolicy
from shared.domain.batch.lease import LeasePolicy
from shared.domain.deployment.rules import (
    INLINE_WAIT,
    NUDGE,
    RECONCILE_EVERY,
    SCAN_PATIENCE,
    TICK,
    Rules,
)
from shared.domain.errors import InvalidRequest
from shared.domain.file.file_policy import FilePolicy
from shared.domain.source.metadata import DEFAULT_EXPECTED_FIELDS, parse_expected_fields
from shared.domain.source.path_glob import PathGlob
from shared.domain.source.path_template import PathTemplate
from shared.domain.source.preflight import MAX_DOCUMENT_SIZE
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.holds import HoldPolicy
from shared.domain.throttle.spacing import Start
from shared.domain.throttle.tiers import Tier, load_tier_table, tier_named
from shared.gateways.ports import Chunking, QueueName

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

WATCHDOG_MARGIN = timedelta(seconds=20)
"""Between the end of a step's budget and the end of its process."""

LEAST_WATCHDOG = timedelta(seconds=15)
"""However much the time is scaled, a step has so long."""

LEAST_NUDGE = timedelta(seconds=0.5)
"""However much the time is scaled, the supervisor is not woken more often."""

CLAIM_MARGIN = timedelta(seconds=60)
"""Between the end of a dispatch and the end of its claim."""

TIMEOUT_MARGIN = timedelta(seconds=20)
"""Between the end of a process and the function's timeout, which would leave its thread alone."""


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _tier(value: object) -> object:
    return tier_named(value) if isinstance(value, str) else value


def _template(value: object) -> object:
    return PathTemplate.parse(value) if isinstance(value, str) else value


def _glob(value: object) -> object:
    return PathGlob.parse(value) if isinstance(value, str) else value


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


def _fields(value: tuple[str, ...]) -> tuple[str, ...]:
    parse_expected_fields(value)
    return value


Text = Annotated[str, Field(min_length=1)]
Url = Annotated[str, AfterValidator(_base_url)]
Globs = Annotated[tuple[Annotated[PathGlob, BeforeValidator(_glob)], ...], BeforeValidator(_listed)]
Positive = Annotated[int, Field(gt=0)]


class CommonSettings(BaseModel):
    """What every function needs. Field names are the environment variables, in lower case."""

    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)

    project_id: Text
    firestore_database: Text = "(default)"
    bucket: Text
    prefix: str = ""
    deployment: Text
    tier: Annotated[Tier, BeforeValidator(_tier)] = Field(
        default_factory=lambda: load_tier_table().default_tier
    )
    time_scale: Annotated[float, Field(ge=1, le=100)] = 1.0
    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read and check the settings.

        Raises:
            InvalidRequest: with one problem for each variable that is missing or wrong; values
                are not repeated, since some are secrets.
        """
        named = {name.upper(): name for name in cls.model_fields}
        values = {named[key]: value for key, value in environment.items() if key in named and value}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise InvalidRequest(*map(_problem, error.errors(include_input=False))) from None


class SyncSettings(CommonSettings):
    """What the dispatcher and the upload function need."""

    location: Text
    uploads_queue: Text
    polls_queue: Text
    control_queue: Text
    upload_url: Url
    dispatcher_url: Url
    status_url: Url | None = None
    tasks_service_account: str | None = None
    cloud_tasks_emulator_host: str | None = None
    gemini_api_key: SecretStr
    gemini_base_url: Url | None = None
    gemini_api_version: Annotated[str, Field(pattern="^v[0-9]+[a-z0-9]*$")] = "v1beta"
    store_display_name: Annotated[str, Field(max_length=512)] = ""
    embedding_model: str = ""
    chunk_max_tokens: Annotated[int, Field(ge=0, le=512)] = 0
    chunk_overlap_tokens: Annotated[int, Field(ge=0)] = 0
    path_template: Annotated[PathTemplate | None, BeforeValidator(_template)] = None
    expected_fields: Annotated[
        tuple[str, ...], BeforeValidator(_listed), AfterValidator(_fields)
    ] = DEFAULT_EXPECTED_FIELDS
    include: Globs = ()
    exclude: Globs = ()
    max_file_bytes: Annotated[int, Field(gt=0, le=MAX_DOCUMENT_SIZE)] = MAX_DOCUMENT_SIZE
    delete_policy: DeletePolicy = DeletePolicy.MIRROR
    reconcile_days: Annotated[int, Field(ge=1, le=365)] = RECONCILE_EVERY.days
    max_imports_in_progress: Positive | None = None
    function_timeout_seconds: Annotated[int, Field(ge=60, le=1795)] = 300

    @model_validator(mode="after")
    def _budgets_nest(self) -> Self:
        if self.chunk_overlap_tokens and self.chunk_overlap_tokens >= self.chunk_max_tokens:
            raise ValueError("chunk_overlap_tokens must be less than chunk_max_tokens")
        return self

    @property
    def function_timeout(self) -> timedelta:
        return timedelta(seconds=self.function_timeout_seconds)

    @property
    def watchdog_budget(self) -> timedelta:
        """After this the process ends itself, before its request is given up.

        Scaled with the claims that it keeps true, but never below what a busy machine needs.
        """
        return max((self.function_timeout - TIMEOUT_MARGIN) / self.time_scale, LEAST_WATCHDOG)

    @property
    def work_budget(self) -> timedelta:
        """After this a step hands on what is left."""
        return self.watchdog_budget - WATCHDOG_MARGIN / self.time_scale

    @property
    def dispatch_deadline(self) -> timedelta:
        """How long Cloud Tasks waits for an answer: a little longer than a function may take."""
        return self.function_timeout + timedelta(seconds=5)

    @property
    def chunking(self) -> Chunking | None:
        if not self.chunk_max_tokens:
            return None
        return Chunking(self.chunk_max_tokens, self.chunk_overlap_tokens)

    @property
    def queue_ids(self) -> dict[QueueName, str]:
        return {
            QueueName.UPLOADS: self.uploads_queue,
            QueueName.POLLS: self.polls_queue,
            QueueName.CONTROL: self.control_queue,
        }

    @property
    def queue_urls(self) -> dict[QueueName, str]:
        return {
            QueueName.UPLOADS: self.upload_url,
            QueueName.POLLS: self.upload_url,
            QueueName.CONTROL: self.dispatcher_url,
        }

    def status_url_of(self, batch_id: str) -> str | None:
        """Where a batch's state can be read, if the status function's address is known."""
        return f"{self.status_url}/batches/{batch_id}" if self.status_url else None

    def rules(self) -> Rules:
        """The rules these settings make.

        The claim outlives the dispatch deadline, and the lease's take-over delay a function:
        a thread goes on after its request was given up. The lease outlives a supervisor that died
        by two ticks, so that the next one renews it and need not wait to take it over.
        """
        scale = self.time_scale
        takeover = max(self.dispatch_deadline, LeasePolicy().takeover_delay)
        claim = max(self.dispatch_deadline + CLAIM_MARGIN, FilePolicy().claim_lifetime)
        journey = FilePolicy(claim_lifetime=claim).scaled(scale)
        margin = max(CLAIM_MARGIN / scale, LEAST_WATCHDOG / 3)
        breaker = BreakerPolicy().scaled(scale)
        lease = LeasePolicy(takeover_delay=takeover).scaled(scale)
        return Rules(
            bucket=self.bucket,
            prefix=self.prefix,
            deployment=self.deployment,
            store_display_name=self.store_display_name or f"file-search-sync {self.deployment}",
            tier=self.tier,
            journey=replace(
                journey, claim_lifetime=max(journey.claim_lifetime, self.watchdog_budget + margin)
            ),
            breaker=replace(
                breaker, permit_lifetime=max(breaker.permit_lifetime, self.watchdog_budget)
            ),
            holds=HoldPolicy().scaled(scale),
            lease=replace(
                lease,
                duration=max(lease.duration, self.work_budget * 1.25 + 2 * TICK / scale),
                takeover_delay=max(lease.takeover_delay, self.watchdog_budget),
            ),
            embedding_model=self.embedding_model,
            max_tokens_per_chunk=self.chunk_max_tokens,
            max_overlap_tokens=self.chunk_overlap_tokens,
            path_template=self.path_template,
            expected_fields=self.expected_fields,
            include=self.include,
            exclude=self.exclude,
            max_file_bytes=self.max_file_bytes,
            delete_policy=self.delete_policy,
            reconcile_every=timedelta(days=self.reconcile_days),
            max_imports_in_progress=(
                self.max_imports_in_progress or self.tier.max_imports_in_progress
            ),
            work_budget=self.work_budget,
            inline_wait=INLINE_WAIT / min(scale, 10),
            start=Start().scaled(scale),
            scan_patience=SCAN_PATIENCE / scale,
            tick=TICK / scale,
            nudge=max(NUDGE / scale, LEAST_NUDGE),
        )


def _problem(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"][:1]).upper()
    if error["type"] == "missing":
        return f"{name} is not set"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
