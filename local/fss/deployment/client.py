"""A client of a deployment's dispatcher, status and ask functions."""

from __future__ import annotations

import itertools
import json
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from local.fss.deployment.http import Raw, fetched, raw, with_advice
from local.fss.deployment.outcome import Exit, Failure
from local.fss.deployment.token import TokenCommand, Tokens

PAGE = 500
"""Files per page."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


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
        self._tokens = Tokens(token)
        self._ask = ask

    def start(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Start a sync; return ``batch_id`` and ``status_url``."""
        return self._call(self._dispatcher, "/sync", body=request)

    def order(self, batch_id: str, verb: str) -> dict[str, Any]:
        """Send `cancel`, `pause` or `resume` to a batch; return ``batch_id`` and ``status``."""
        with _of_batch(batch_id):
            return self._call(self._dispatcher, f"/batches/{_quoted(batch_id)}:{verb}", body={})

    @property
    def answers(self) -> bool:
        """Whether the ask function is known."""
        return self._ask is not None

    def ask(self, request: Mapping[str, object]) -> dict[str, Any]:
        """Ask a question; return the answer."""
        if self._ask is None:
            raise Failure(
                Exit.USAGE,
                "no ask function given: name it in fss.toml (fss init --ask), use --ask, or set "
                "FSS_ASK_URL",
            )
        return self._call(self._ask, "/ask", body=request)

    def find_ask(self) -> None:
        """Ask the ask function nothing; it refuses the method, once it lets this caller in."""
        try:
            self._call(self._ask, "/ask")
        except Failure as failure:
            if failure.status != HTTPStatus.METHOD_NOT_ALLOWED:
                raise

    def store(self) -> dict[str, Any]:
        """Return the names of the current, the next and the previous store."""
        return self._call(self._status, "/store")

    def change_store(self, order: str) -> dict[str, Any]:
        """Send `promote` to the next store, or `drop` to the previous store."""
        which = {"promote": "next", "drop": "previous"}[order]
        return self._call(self._dispatcher, f"/stores/{which}:{order}", body={})

    def health(self) -> dict[str, Any]:
        """Return what the dispatcher finds in order, and what not."""
        return self._call(self._dispatcher, "/health")

    def status_version(self) -> dict[str, Any]:
        """Return which code the status function has."""
        return self._call(self._status, "/version")

    def breaker(self) -> dict[str, Any]:
        """Return the breaker's state, and the hold in force."""
        return self._call(self._status, "/breaker")

    def page(self, path: str, headers: Mapping[str, str]) -> Raw:
        """Return the status function's answer to a browser, whatever its status.

        An answer that the platform gives for want of a token or a role is a failure all the same.
        """
        base = checked_url(self._status)

        def asked() -> tuple[Raw, bool]:
            token, was_kept = self._token(base)
            request = _request(base + path, None, token)
            for name, value in headers.items():
                request.add_header(name, value)
            return raw(request), was_kept

        answer, was_kept = asked()
        if answer.status == HTTPStatus.UNAUTHORIZED and was_kept:
            self._tokens.forget()
            answer, _ = asked()
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            refused = Failure(
                Exit.COULD_NOT_RUN, f"{base} answered with status {answer.status}",
                status=answer.status,
            )  # fmt: skip
            raise with_advice(refused, has_token=bool(self._tokens))
        return answer

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Return a batch with its progress."""
        with _of_batch(batch_id):
            return self._call(self._status, f"/batches/{_quoted(batch_id)}")

    def batches(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest batches, newest first."""
        found: list[dict[str, Any]] = self._call(self._status, f"/batches?limit={limit}")["batches"]
        return found

    def history(self, most: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield the batches that are kept, the latest first.

        Args:
            most: How many at most; None for all.
        """
        if most is None or most > PAGE:
            yield from itertools.islice(self._listed("batches", "/batches"), most)
        elif most:
            yield from self.batches(most)

    def changes(self, batch_id: str) -> tuple[list[dict[str, Any]], int]:
        """Return what a dry run would change, by path, and how many more there was no room for."""
        found: list[dict[str, Any]] = []
        unlisted, token = 0, ""
        while True:
            asked = f"?page_token={token}" if token else ""
            page = self._call(self._status, f"/batches/{_quoted(batch_id)}/changes{asked}")
            found += page["changes"]
            unlisted += page["unlisted"]
            token = page["next_page_token"]
            if not token:
                return sorted(found, key=lambda each: str(each["path"])), unlisted

    def file(self, path: str) -> dict[str, Any]:
        """Return a file's state and its latest imports."""
        try:
            return self._call(self._status, f"/files?{urllib.parse.urlencode({'path': path})}")
        except Failure as failure:
            if failure.status != HTTPStatus.NOT_FOUND or failure.details.get("paths"):
                raise
            raise Failure(
                Exit.USAGE,
                f"no sync has seen {path!r}; it must be the object's whole name in the bucket",
                status=failure.status,
            ) from None

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
        """Call a function; with a new token if that of an earlier call has ended."""
        base = checked_url(base)
        token, was_kept = self._token(base)
        try:
            return fetched(_request(base + path, body, token))
        except Failure as refusal:
            if refusal.status != HTTPStatus.UNAUTHORIZED or not was_kept:
                raise with_advice(refusal, has_token=bool(token)) from refusal.__cause__
        self._tokens.forget()
        token, _ = self._token(base)
        try:
            return fetched(_request(base + path, body, token))
        except Failure as refusal:
            raise with_advice(refusal, has_token=True) from refusal.__cause__

    def _token(self, base: str) -> tuple[str, bool]:
        url = urllib.parse.urlsplit(base)
        if self._tokens and url.scheme != "https" and url.hostname not in _LOOPBACK:
            raise Failure(Exit.USAGE, f"{base} is not https; the token would be sent unencrypted")
        return self._tokens.token(base)


@contextmanager
def _of_batch(batch_id: str) -> Iterator[None]:
    """Say what to do if the block finds no such batch."""
    try:
        yield
    except Failure as failure:
        if failure.status != HTTPStatus.NOT_FOUND or failure.details.get("paths"):
            raise
        raise Failure(
            Exit.USAGE,
            f"there is no batch {batch_id!r}, or not any longer; fss history lists them",
            status=failure.status,
        ) from None


def checked_url(base: str | None) -> str:
    """The URL of a function without a slash at its end.

    Raises:
        Failure: There is none, or it is no URL.
    """
    if base is None:
        raise Failure(
            Exit.USAGE,
            "no deployment given: name one in fss.toml (fss init), set FSS_DISPATCHER_URL and "
            "FSS_STATUS_URL, or use --dispatcher and --status",
        )
    try:
        url = urllib.parse.urlsplit(base)
    except ValueError as error:
        raise Failure(Exit.USAGE, f"{base!r} is no URL: {error}") from error
    if url.scheme not in ("http", "https") or not url.hostname:
        host = base.partition("://")[2] or base
        local = host.partition(":")[0].partition("/")[0] in _LOOPBACK
        right = f"{'http' if local else 'https'}://{host}"
        raise Failure(Exit.USAGE, f"{base!r} is no URL; did you mean {right}?")
    return base.rstrip("/")


def _request(url: str, body: Mapping[str, object] | None, token: str) -> urllib.request.Request:
    request = urllib.request.Request(url, data=None if body is None else json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    return request


def _quoted(batch_id: str) -> str:
    return urllib.parse.quote(batch_id, safe="")
