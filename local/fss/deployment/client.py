"""A client of a deployment's dispatcher, status and ask functions."""

from __future__ import annotations

import http.client
import json
import shlex
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from local.fss.deployment.outcome import Exit, Failure
from local.printable import printable

TIMEOUT = 90.0
"""Seconds to wait for an answer; a function may have to start first."""

PAGE = 500
"""Files per page."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class TokenCommand:
    """A program that prints a bearer token, such as ``gcloud auth print-identity-token``."""

    line: str

    def run(self) -> str:
        """Run the program and return the token, or raise `Failure` with the program's error."""
        try:
            words = shlex.split(self.line)
            done = subprocess.run(words, check=True, capture_output=True, text=True)
        except (OSError, ValueError, IndexError) as error:
            raise Failure(Exit.USAGE, f"--token-command {self.line!r}: {error}") from error
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip() or f"exit status {error.returncode}"
            raise Failure(Exit.COULD_NOT_RUN, f"--token-command: {said}") from error
        return done.stdout.strip()


class Deployment:
    """The public functions of a deployment.

    Args:
        dispatcher: Base URL of the dispatcher; may be None if it is not called.
        status: Base URL of the status function; may be None if it is not called.
        token: The command that prints the bearer token; None if the functions need none.
        ask: Base URL of the ask function; may be None if it is not called.

    Every method raises `Failure`: USAGE for an invalid request, REFUSED while another batch runs or
    an allowance is used up, COULD_NOT_RUN if there is no usable answer.
    """

    def __init__(
        self,
        dispatcher: str | None,
        status: str | None,
        token: TokenCommand | None = None,
        *,
        ask: str | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._status = status
        self._ask = ask
        self._token = token
        self._bearer = ""

    def start(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Start a sync; return ``batch_id`` and ``status_url``."""
        return self._call(self._dispatcher, "/sync", body=request)

    def order(self, batch_id: str, verb: str) -> dict[str, Any]:
        """Send `cancel`, `pause` or `resume` to a batch; return ``batch_id`` and ``status``."""
        return self._call(self._dispatcher, f"/batches/{_quoted(batch_id)}:{verb}", body={})

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Ask a question; return the answer."""
        if self._ask is None:
            raise Failure(Exit.USAGE, "no ask function given; use --ask, or set FSS_ASK_URL")
        return self._call(self._ask, "/ask", body=request)

    def store(self) -> dict[str, Any]:
        """Return the names of the current, the next and the previous store."""
        return self._call(self._status, "/store")

    def change_store(self, order: str) -> dict[str, Any]:
        """Send `promote` to the next store, or `drop` to the previous store."""
        which = {"promote": "next", "drop": "previous"}[order]
        return self._call(self._dispatcher, f"/stores/{which}:{order}", body={})

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Return a batch with its progress."""
        return self._call(self._status, f"/batches/{_quoted(batch_id)}")

    def batches(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest batches, newest first."""
        found: list[dict[str, Any]] = self._call(self._status, f"/batches?limit={limit}")["batches"]
        return found

    def files(self, batch_id: str, status: str) -> Iterator[dict[str, Any]]:
        """Yield all files of a batch that have the given status."""
        yield from self._listed("files", f"/batches/{_quoted(batch_id)}/files", status=status)

    def failures(self) -> Iterator[dict[str, Any]]:
        """Yield every failed file of the deployment."""
        yield from self._listed("failures", "/failures")

    def _listed(self, name: str, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page by page."""
        token = ""
        while True:
            asked = urllib.parse.urlencode({**query, "limit": PAGE, "page_token": token})
            page = self._call(self._status, f"{path}?{asked}")
            yield from page[name]
            token = page.get("next_page_token") or ""
            if not token:
                return

    def _call(
        self, base: str | None, path: str, *, body: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        return fetched(self._request(base, path, body))

    def _request(
        self, base: str | None, path: str, body: Mapping[str, object] | None = None
    ) -> urllib.request.Request:
        if base is None:
            raise Failure(
                Exit.USAGE, "no deployment given; use --dispatcher and --status, or set "
                "FSS_DISPATCHER_URL and FSS_STATUS_URL"
            )  # fmt: skip
        request = urllib.request.Request(
            base.rstrip("/") + path, data=None if body is None else json.dumps(body).encode()
        )
        request.add_header("Content-Type", "application/json")
        if self._token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self._bearer_for(base)}")
        return request

    def _bearer_for(self, base: str) -> str:
        url = urllib.parse.urlsplit(base)
        if url.scheme != "https" and url.hostname not in _LOOPBACK:
            raise Failure(Exit.USAGE, f"{base} is not https; the token would be sent unencrypted")
        if not self._bearer and self._token is not None:
            self._bearer = self._token.run()
        return self._bearer


def fetched(request: urllib.request.Request | str) -> dict[str, Any]:
    """Return the JSON object at a URL, or raise `Failure`."""
    url = request if isinstance(request, str) else request.full_url
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            answer = response.read()
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error.code, error.read(), url) from None
    except (OSError, http.client.HTTPException) as error:
        raise Failure(Exit.COULD_NOT_RUN, f"no answer from {url}: {error}") from error
    return _object(answer, url)


def _quoted(batch_id: str) -> str:
    return urllib.parse.quote(batch_id, safe="")


def _object(answer: bytes, url: str) -> dict[str, Any]:
    try:
        value = json.loads(answer)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Failure(Exit.COULD_NOT_RUN, f"{url} did not answer like a deployment")
    return value


def _refusal(code: int, answer: bytes, url: str) -> Failure:
    """Return the failure that an HTTP error means for the user."""
    try:
        value = json.loads(answer)
    except ValueError:
        value = {}
    details = value if isinstance(value, dict) else {}
    named = details.get("problems")
    problems = [printable(str(problem)) for problem in named] if isinstance(named, list) else []
    error = printable(str(details.pop("error", f"{url}: HTTP status {code}")))
    message = "\n  ".join([error, *problems])
    exits: dict[int, Exit] = {
        HTTPStatus.BAD_REQUEST: Exit.USAGE,
        HTTPStatus.NOT_FOUND: Exit.USAGE,
        HTTPStatus.CONFLICT: Exit.REFUSED,
        HTTPStatus.TOO_MANY_REQUESTS: Exit.REFUSED,
    }
    return Failure(exits.get(code, Exit.COULD_NOT_RUN), message, **details)
