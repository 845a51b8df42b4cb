"""A function's process: its settings, its logs, and the watchdog."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

from shared.config import CommonSettings
from shared.domain.errors import InvalidRequest
from shared.json_text import json_line

Settings = TypeVar("Settings", bound=CommonSettings)

EXIT_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h."""

EXIT_WATCHDOG = 70
"""EX_SOFTWARE of sysexits.h."""

_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """Formats each record as one line of JSON, with the keys that Cloud Logging reads."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json_line(entry, as_text=str)


def settings_of(kind: type[Settings]) -> Settings:
    """Set up logging and read the process's settings.

    If a setting is missing or wrong, logs every problem and exits with ``EXIT_CONFIGURATION``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    try:
        settings = kind.from_environment(os.environ)
    except InvalidRequest as error:
        _log.critical("configuration: %s", "; ".join(error.problems))
        # Exit before gunicorn's master exists: it would start failing workers over and over.
        sys.exit(EXIT_CONFIGURATION)
    logging.getLogger().setLevel(settings.log_level)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # it logs a line per request
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
