"""A function's process: settings read before the first request, logs, and the watchdog."""

from __future__ import annotations

import json
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

Settings = TypeVar("Settings", bound=CommonSettings)

EXIT_CONFIGURATION = 78
"""EX_CONFIG of sysexits.h."""

EXIT_WATCHDOG = 70
"""EX_SOFTWARE of sysexits.h."""

_log = logging.getLogger(__name__)


class JsonFormatter(logging.Formatter):
    """One JSON object a line, with the keys that Cloud Logging reads."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "severity": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def settings_of(kind: type[Settings]) -> Settings:
    """The process's settings; without good ones it ends at once and says what is wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    try:
        settings = kind.from_environment(os.environ)
    except InvalidRequest as error:
        _log.critical("configuration: %s", "; ".join(error.problems))
        # gunicorn would start workers over and over: its master must not be there to do so.
        sys.exit(EXIT_CONFIGURATION)
    logging.getLogger().setLevel(settings.log_level)
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line for every request
    return settings


@contextmanager
def watchdog(budget: timedelta) -> Iterator[None]:
    """End the process if the block outlives ``budget``.

    A thread goes on working after its request was given up, and its claim would outlive it.
    What is lost is a step in progress, which its task begins again.
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
