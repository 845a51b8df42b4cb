"""The configuration: environment variables, read once; one error names every problem.

A deployment's functions share most settings. Each function reads only the classes it needs, so the
status function has no Gemini key and can't leak one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError, model_validator

from shared.domain.batch.lease import LeasePolicy
from shared.domain.batch.schedule import Schedule
from shared.domain.deployment.callers import Caller, Callers
from shared.domain.deployment.rules import (
    EVENT_PAUSE,
    LOOK_GRID,
    MOST_LOOK_GRID,
    NUDGE,
    SCAN_PATIENCE,
    TICK,
    Rules,
)
from shared.domain.deployment.settings import (
    Declared,
    IdentitySettings,
    Settings,
    Text,
    setting,
)
from shared.domain.errors import InvalidRequest
from shared.domain.file.file_policy import FilePolicy
from shared.domain.throttle.breaker_policy import BreakerPolicy
from shared.domain.throttle.holds import HoldPolicy
from shared.domain.throttle.late_starts import START_WAIT
from shared.domain.throttle.spacing import Start
from shared.domain.time_scale import scaled
from shared.gateways.ports import Chunking, QueueName

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

WATCHDOG_MARGIN = timedelta(seconds=20)
"""Time between the end of a step's budget and the watchdog's end of the process."""

LEAST_WATCHDOG = timedelta(seconds=15)
"""The shortest watchdog budget, whatever the time scale."""

LEAST_NUDGE = timedelta(seconds=0.5)
"""The shortest time between two wake-ups of the supervisor, whatever the time scale."""

LEAST_LOOK_GRID = timedelta(seconds=0.5)
"""The shortest time between two runs of the poller, whatever the time scale."""

CLAIM_MARGIN = timedelta(seconds=60)
"""Time between the end of a delivery and the end of its claim."""

TIMEOUT_MARGIN = timedelta(seconds=20)
"""Time between the watchdog's end of the process and the function's timeout. The timeout alone
would end the request and leave its thread running."""


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return value.rstrip("/")


Url = Annotated[str, AfterValidator(_base_url)]


def _sendable(key: SecretStr) -> SecretStr:
    """A key goes in a header, so anything else would fail each call like an outage."""
    text = key.get_secret_value().strip()
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError("must be ASCII letters, digits and signs without spaces: copy it again")
    return SecretStr(text)


def _address(value: str) -> str:
    if not re.fullmatch(r"[^@\s,:]+@[^@\s,:]+\.[^@\s,:]+", value):
        raise ValueError("must be an e-mail address, without serviceAccount:")
    return value


def _listed(value: object) -> object:
    return tuple(filter(None, value.split(","))) if isinstance(value, str) else value


Address = Annotated[str, AfterValidator(_address)]


class CallerSettings(Declared):
    """Who may call a function, by the e-mail address of the caller's identity token."""

    k_service: str | None = setting(
        None,
        about="name of the service, which Cloud Run sets. With it, or with any of the accounts "
        "below, each route [names its callers](../SECURITY.md#who-may-call-what)",
        example="fss-prod-dispatcher",
    )
    scheduler_service_account: Address | None = setting(
        None,
        about="account of Cloud Scheduler, which may start and supervise syncs",
        example="scheduler@acme-docs.iam.gserviceaccount.com",
    )
    tasks_service_account: Address | None = setting(
        None,
        about="account whose identity token each task carries; if not set, tasks carry none",
        example="tasks@acme-docs.iam.gserviceaccount.com",
    )
    events_service_account: Address | None = setting(
        None,
        about="account of the [bucket's notifications](operations.md#bucket-notifications), which "
        "may call `/events`",
        example="events@acme-docs.iam.gserviceaccount.com",
    )
    caller_service_accounts: Annotated[tuple[Address, ...], BeforeValidator(_listed)] = setting(
        (),
        about="service accounts that may do what people may; any other one is refused",
        example="ci@acme-docs.iam.gserviceaccount.com",
    )

    @property
    def callers(self) -> Callers:
        machines = {
            Caller.SCHEDULER: self.scheduler_service_account,
            Caller.TASKS: self.tasks_service_account,
            Caller.EVENTS: self.events_service_account,
        }
        known = {kind: address for kind, address in machines.items() if address}
        is_named = bool(known or self.caller_service_accounts)
        return Callers(known, self.caller_service_accounts, bool(self.k_service) or is_named)


class CommonSettings(IdentitySettings, CallerSettings):
    """Settings of every function. Field names are the environment variables, in lower case."""

    project_id: Text = setting(
        about="the Google Cloud project of Firestore, the queues and the bucket",
        example="acme-docs",
    )
    firestore_database: Text = setting(
        "(default)", about="the database that holds all state", example="file-search-sync"
    )
    time_scale: float = setting(
        1.0,
        about="divides cooldowns, claims, lease, ticks and backoff; 1 to 100; only for runs on one "
        "machine, see [operations.md](operations.md#the-time-scale)",
        example="10",
        ge=1,
        le=100,
    )
    log_level: str = setting(
        "INFO",
        about="`DEBUG`, `INFO`, `WARNING` or `ERROR`; silences no "
        "[event](operations.md#events) that an alert needs",
        example="WARNING",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read and check the settings.

        Raises:
            InvalidRequest: With one problem for each variable that is missing or wrong. Values
                are not repeated, since some are secrets.
        """
        named = {name.upper(): name for name in cls.model_fields}
        values = {named[key]: value for key, value in environment.items() if key in named and value}
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problems = map(_problem, error.errors(include_input=False))
            raise InvalidRequest(*sorted(problems)) from None


class ScheduleSettings(Declared):
    """When a sync starts by itself."""

    sync_schedule: str | None = setting(
        None,
        about="when a sync starts by itself, as cron of five fields; the page shows the next time",
        example="0 3 * * *",
    )
    sync_time_zone: Text = setting(
        "Etc/UTC", about="the time zone of `SYNC_SCHEDULE`", example="Europe/Berlin"
    )

    @model_validator(mode="after")
    def _schedule_is_one(self) -> Self:
        if self.sync_schedule is not None:
            Schedule(self.sync_schedule, self.sync_time_zone)
        return self

    @property
    def schedule(self) -> Schedule | None:
        """When a sync starts by itself; None if none does."""
        if self.sync_schedule is None:
            return None
        return Schedule(self.sync_schedule, self.sync_time_zone)


class StatusSettings(CommonSettings, ScheduleSettings):
    """Settings of the status function."""


class PlaceSettings(Declared):
    """Addresses of the parts of the deployment."""

    location: Text = setting(about="region of the queues", example="us-central1")
    uploads_queue: Text = setting(
        about="id of the queue for metered steps, which has the tier's rate", example="fss-uploads"
    )
    polls_queue: Text = setting(
        about="id of the queue for the poller and for removals", example="fss-polls"
    )
    control_queue: Text = setting(
        about="id of the queue for scans and the supervisor", example="fss-control"
    )
    billing_project: str | None = setting(
        None,
        about="project that pays for the requests to the bucket; needed if its requesters pay",
        example="acme-billing",
    )
    upload_url: Url = setting(
        about="base URL of the upload function; also the audience of its tokens",
        example="https://upload-x.a.run.app",
    )
    dispatcher_url: Url = setting(
        about="base URL of the dispatcher; also the audience of its tokens",
        example="https://dispatcher-x.a.run.app",
    )
    status_url: Url | None = setting(
        None,
        about="base URL of the status function, for the links in replies",
        example="https://status-x.a.run.app",
    )
    cloud_tasks_emulator_host: str | None = setting(
        None,
        about="`host:port` of a Cloud Tasks server to use without TLS",
        example="127.0.0.1:9090",
    )


class GeminiSettings(Declared):
    """How Gemini is called."""

    gemini_api_key: Annotated[SecretStr, AfterValidator(_sendable)] = setting(
        about="the API key, an [auth key](deploy.md#the-key); never logged or stored",
        example="from Secret Manager",
    )
    gemini_base_url: Url | None = setting(
        None, about="base URL to call instead of the service's", example="http://127.0.0.1:8090"
    )


class TimeoutSettings(Declared):
    """How long a function may run."""

    function_timeout_seconds: int = setting(
        300,
        about="the functions' timeout on the platform; 60 to 1795",
        example="540",
        ge=60,
        le=1795,
    )


class AskLimits(Declared):
    """What questions may cost, and where that is written down."""

    max_ask_cost_per_day: float = setting(
        1.0,
        about="US dollars that the answers of a quota day may cost; the imports have a "
        "[limit of their own](operations.md#the-budget)",
        example="5",
        gt=0,
        allow_inf_nan=False,
    )
    ask_database: Text = setting(
        "ask", about="the database that holds what questions cost", example="fss-prod-ask"
    )


class AskSettings(CommonSettings, GeminiSettings, AskLimits):
    """Settings of the ask function."""


class EventSettings(Declared):
    """How the bucket's notifications are answered."""

    event_pause_seconds: int = setting(
        int(EVENT_PAUSE.total_seconds()),
        about="seconds between a sync's end and one that the "
        "[bucket's notifications](operations.md#bucket-notifications) ask for; three times the "
        "last scan if that is longer; 60 to 86400",
        example="900",
        ge=60,
        le=86_400,
    )


class SyncSettings(
    CommonSettings, PlaceSettings, GeminiSettings, TimeoutSettings, EventSettings, Settings
):
    """Settings of the dispatcher and the upload function."""

    @property
    def function_timeout(self) -> timedelta:
        return timedelta(seconds=self.function_timeout_seconds)

    @property
    def watchdog_budget(self) -> timedelta:
        """Time after which the process ends itself, before the platform gives up the request.

        Claims rely on the process having ended, so it is scaled with them, but never shorter than
        a busy machine needs.
        """
        return max((self.function_timeout - TIMEOUT_MARGIN) / self.time_scale, LEAST_WATCHDOG)

    @property
    def call_budget(self) -> timedelta:
        """Time after which a function waits for neither Gemini nor the bucket.

        Then it still has time to write down how far it came, before the watchdog.
        """
        return self.watchdog_budget - WATCHDOG_MARGIN / self.time_scale / 2

    @property
    def work_budget(self) -> timedelta:
        """Time after which a function leaves the rest of its work to a new task."""
        return self.watchdog_budget - WATCHDOG_MARGIN / self.time_scale

    @property
    def dispatch_deadline(self) -> timedelta:
        """How long Cloud Tasks waits for a response: slightly longer than the function timeout."""
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
        """URL of a batch's state; None if the status function's URL is not set."""
        return f"{self.status_url}/batches/{batch_id}" if self.status_url else None

    def rules(self) -> Rules:
        """The rules that follow from these settings.

        A thread keeps running after its request is given up. So a claim outlasts the dispatch
        deadline, and the lease's takeover delay outlasts a function. The lease outlasts a
        supervisor that died by two ticks, so that the next call can renew it and need not wait to
        take it over.
        """
        scale = self.time_scale
        takeover = max(self.dispatch_deadline, LeasePolicy().takeover_delay)
        claim = max(self.dispatch_deadline + CLAIM_MARGIN, FilePolicy().claim_lifetime)
        file = scaled(FilePolicy(claim_lifetime=claim), scale)
        least_claim = self.watchdog_budget + max(CLAIM_MARGIN / scale, LEAST_WATCHDOG / 3)
        breaker = scaled(BreakerPolicy(), scale)
        lease = scaled(LeasePolicy(takeover_delay=takeover), scale)
        return Rules(
            settings=Settings(**{name: getattr(self, name) for name in Settings.model_fields}),
            file=replace(file, claim_lifetime=max(file.claim_lifetime, least_claim)),
            breaker=replace(
                breaker, permit_lifetime=max(breaker.permit_lifetime, self.watchdog_budget)
            ),
            holds=scaled(HoldPolicy(), scale),
            lease=replace(
                lease,
                duration=max(lease.duration, self.work_budget * 1.25 + 2 * TICK / scale),
                takeover_delay=max(lease.takeover_delay, self.watchdog_budget),
            ),
            work_budget=self.work_budget,
            least_look_grid=max(LOOK_GRID / scale, LEAST_LOOK_GRID),
            most_look_grid=max(MOST_LOOK_GRID / scale, LEAST_LOOK_GRID),
            start=scaled(Start(), scale),
            # Not scaled, since request rates aren't; the step itself needs most of the time.
            start_wait=min(START_WAIT, self.watchdog_budget / 3),
            scan_patience=SCAN_PATIENCE / scale,
            tick=TICK / scale,
            nudge=max(NUDGE / scale, LEAST_NUDGE),
            event_pause=timedelta(seconds=self.event_pause_seconds) / scale,
        )


def _problem(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"][:1]).upper()
    if error["type"] == "missing":
        return f"{name} is not set"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message
