"""What Cloud Scheduler does for a deployment: one call a minute that keeps everything moving."""

from __future__ import annotations

import http.client
import logging
import threading
import time
import urllib.error
import urllib.request
from typing import Self

INTERVAL = 60.0
"""Seconds between calls, before the time scale."""

TIMEOUT = 300.0
"""Seconds a call may take: a function's own timeout."""

logger = logging.getLogger(__name__)


class Scheduler:
    """Calls the dispatcher's supervisor, at once and then on a fixed schedule.

    Calls never overlap: a time that passes during a call is skipped. A failed call is logged, and
    the next one comes at its usual time.

    Args:
        dispatcher: The dispatcher's base URL.
        interval: Seconds from call to call.
    """

    def __init__(self, dispatcher: str, interval: float) -> None:
        self._url = f"{dispatcher}/control/supervise"
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Make the first call, in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Make no further call; one under way is not waited for."""
        self._stopped.set()

    def join(self) -> None:
        """Wait for a call under way."""
        if self._thread.ident is not None:
            self._thread.join(TIMEOUT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.join()

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            self._call()
            missed = (time.monotonic() - due) // self._interval
            due += (missed + 1) * self._interval

    def _call(self) -> None:
        request = urllib.request.Request(self._url, data=b"{}", method="POST")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                response.read()
        except urllib.error.HTTPError as error:
            logger.warning("the supervisor's call failed: HTTP status %s", error.code)
            error.close()
        except (OSError, http.client.HTTPException) as error:
            if not self._stopped.is_set():
                logger.warning("the supervisor's call failed: %s", error)
