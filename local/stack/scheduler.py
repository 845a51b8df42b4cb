"""Calls the supervisor once a minute, as Cloud Scheduler does for a deployment."""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Self

INTERVAL = 60.0
"""Seconds between calls, before division by the time scale."""

TIMEOUT = 300.0
"""Seconds that a call may take; the same as a function's timeout."""

logger = logging.getLogger(__name__)


class Scheduler:
    """Calls the dispatcher's supervisor immediately and then at a fixed interval.

    Calls never overlap: a call that would start during another is skipped. After a failed call, the
    next one is made at its usual time. Of calls that fail in a row, the first is logged, and the
    success that ends them, unless their reason is known.

    Args:
        dispatcher: The dispatcher's base URL.
        interval: Seconds between the starts of two calls.
        is_known: Whether people were told already why calls fail now.
    """

    def __init__(
        self, dispatcher: str, interval: float, is_known: Callable[[], bool] = lambda: False
    ) -> None:
        self._url = f"{dispatcher}/control/supervise"
        self._interval = interval
        self._is_known = is_known
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def start(self) -> None:
        """Start calling, in a background thread."""
        self._thread.start()

    def stop(self) -> None:
        """Make no more calls; do not wait for a call in progress."""
        self._stopped.set()

    def join(self) -> None:
        """Wait for a call in progress to end."""
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
        told = False
        while not self._stopped.wait(max(0.0, due - time.monotonic())):
            problem = self._call()
            if problem is None:
                if told:
                    logger.warning("the supervisor's call succeeds again")
                told = False
            elif not (told or self._stopped.is_set() or self._is_known()):
                logger.warning("the supervisor's call failed and is repeated: %s", problem)
                told = True
            missed = (time.monotonic() - due) // self._interval
            due += (missed + 1) * self._interval

    def _call(self) -> str | None:
        """Call the supervisor; return what went wrong, if anything did."""
        request = urllib.request.Request(self._url, data=b"{}", method="POST")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                response.read()
        except urllib.error.HTTPError as error:
            with error:
                return _reason(error)
        except (OSError, http.client.HTTPException) as error:
            return str(error)
        return None


def _reason(error: urllib.error.HTTPError) -> str:
    """What an answer with an error says, or its status if it says nothing."""
    try:
        return str(json.loads(error.read())["error"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return f"HTTP status {error.code}"
