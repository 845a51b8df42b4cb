"""The connection to Gemini: one client of google-genai per process, and the errors of its calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.gateways.call_deadline import total_deadline
from shared.gateways.gemini.errors import Effect, gemini_errors, raise_error_in_upload

if TYPE_CHECKING:
    import httpx2
    from google import genai

SERVICE_URL = "https://generativelanguage.googleapis.com/"
API_VERSION = "v1beta"
"""The only version with File Search; source: the API's discovery documents. google-genai's own
default is v1."""


class GeminiConnection:
    """A client of google-genai. Safe to use from several threads.

    The client is created at the first call, since its import takes half a second. Environment
    variables for a key, Vertex mode, base URL, API version or replays are ignored; those for
    proxies and certificates apply.

    ``timeout`` is for a whole call. Nothing is retried, with one exception that google-genai can't
    turn off: a chunk of an upload whose reply has no upload status is sent up to three times, over
    7 s.
    """

    def __init__(self, api_key: str, *, base_url: str | None, timeout: timedelta) -> None:
        self._api_key = api_key
        self._base_url = base_url or SERVICE_URL
        self._timeout = timeout
        self._lock = threading.Lock()
        self._made: tuple[genai.Client, httpx2.Client] | None = None

    def close(self) -> None:
        """Close the connections; a later call creates a new client."""
        with self._lock:
            if self._made is not None:
                client, connections = self._made
                client.close()
                connections.close()
                self._made = None

    @contextmanager
    def call(self, name: str, effect: Effect, more: timedelta = timedelta()) -> Iterator[None]:
        """Turn the errors of a call into those of the ports, and end it in time.

        ``more`` is added to the timeout.
        """
        with (
            gemini_errors(f"gemini.{name}", effect, secret=self._api_key),
            total_deadline(self._timeout + more),
        ):
            yield

    def client(self) -> genai.Client:
        """The client, which is created if there is none."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made[0]

    def _make(self) -> tuple[genai.Client, httpx2.Client]:
        import httpx2  # noqa: PLC0415 - with google.genai, which takes half a second to import
        from google import genai  # noqa: PLC0415 - as above
        from google.genai import client, types  # noqa: PLC0415 - as above

        from shared.gateways.gemini.bounded_client import bounded  # noqa: PLC0415 - as above

        connections = bounded(
            httpx2.Client(
                timeout=self._timeout.total_seconds(),
                event_hooks={"response": [raise_error_in_upload]},
            )
        )
        return (
            genai.Client(
                api_key=self._api_key,
                vertexai=False,
                debug_config=client.DebugConfig(client_mode=None),  # no replays
                http_options=types.HttpOptions(
                    base_url=self._base_url,
                    api_version=API_VERSION,
                    timeout=round(self._timeout.total_seconds() * 1000),
                    retry_options=types.HttpRetryOptions(attempts=1),
                    httpx_client=connections,  # so that its errors are those caught here
                ),
            ),
            connections,
        )
