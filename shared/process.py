"""A function's process: its settings, its logs, and the watchdog."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from shared.config import CommonSettings
from shared.domain.errors import InvalidRequest
from shared.json_text import json_line
from shared.log_labels import labels, trace
from shared.services.events import Event, emit

Settings = TypeVar("Settings", bound=CommonSettings)

EXIT_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h."""

EXIT_WATCHDOG = 70
"""EX_SOFTWARE of sysexits.h."""

_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Formats each record as one line of JSON, with the keys that Cloud Logging reads.

    Source of the keys: Google's page on structured logging.

    Attributes:
        project: The project of the traces; without one, lines name none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.project = ""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **getattr(record, "fields", {}),
        }
        if known := labels():
            entry["logging.googleapis.com/labels"] = dict(known)
        if self.project and (of := trace()):
            entry["logging.googleapis.com/trace"] = f"projects/{self.project}/traces/{of}"
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json_line(entry, as_text=str)


def settings_of(kind: type[Settings]) -> Settings:
    """Set up logging and read the process's settings.

    If a setting is missing or wrong, logs every problem and exits with ``EXIT_CONFIGURATION``.
    """
    handler, formatter = logging.StreamHandler(sys.stderr), JsonFormatter()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    try:
        settings = kind.from_environment(os.environ)
    except InvalidRequest as error:
        _log.critical("configuration: %s", "; ".join(error.problems))
        # Exit before gunicorn's master exists: it would start failing workers over and over.
        sys.exit(EXIT_CONFIGURATION)
    formatter.project = settings.project_id
    logging.getLogger().setLevel(settings.log_level)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs a line per request
    emit(
        Event.FUNCTION_STARTED,
        f"Started for the deployment {settings.deployment!r} of "
        f"gs://{settings.bucket}/{settings.prefix}.",
        deployment=settings.deployment,
        bucket=settings.bucket,
        prefix=settings.prefix,
        tier=settings.tier.name,
    )
    return settings


@contextmanager
def watchdog(budget: timedelta) -> Iterator[None]:
    """End the process if the block takes longer than ``budget``.

    Without this, a thread would keep working after its request was given up, and even after its
    claim expired. Only the step in progress is lost; its task is delivered again.
    """

    def end() -> None:
        _log.critical("a step took longer than %s: ending the process", budget)
        logging.shutdown()
        os._exit(EXIT_WATCHDOG)

    timer = threading.Timer(budget.total_seconds(), end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
