"""The few calls of Google's APIs that the builds make, with the token of the build's account."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

TIMEOUT_S = 60


class Refused(Exception):
    """The build must not go on; the message is one line that says why and what to do."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - what the service sent
        """The body as JSON. Raises ``Refused`` if it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Refused(f"not JSON, with status {self.status}: {self.body[:200]!r}") from None


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's content and the generation that holds it."""

    content: bytes
    generation: int


class _NoRedirect(HTTPRedirectHandler):
    """A redirected request would take its token along to another host."""

    def redirect_request(self, *_: object) -> None:
        return None


def call(
    url: str,
    token: str | None = None,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """GET, or POST if there is a body; every status is an answer.

    Raises:
        OSError: The server can't be reached.
    """
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
    request = Request(url, data=body, headers=sent)
    try:
        with build_opener(_NoRedirect).open(request, timeout=TIMEOUT_S) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


@dataclass(frozen=True, slots=True)
class Google:
    """Where the services are; tests have others."""

    metadata: str = "http://metadata.google.internal"
    storage: str = "https://storage.googleapis.com"
    pubsub: str = "https://pubsub.googleapis.com"
    iam: str = "https://iamcredentials.googleapis.com"

    def read(self, bucket: str, name: str, generation: int | None = None) -> Stored | None:
        """Read an object, or None if there is none, or none of this generation."""
        query = {"alt": "media"} | ({} if generation is None else {"generation": str(generation)})
        answer = call(f"{self._object(bucket, name)}?{urlencode(query)}", self._token())
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        _expect(answer, f"reading gs://{bucket}/{name}")
        return Stored(answer.body, int(answer.headers["x-goog-generation"]))

    def write(self, bucket: str, name: str, content: bytes, replacing: int) -> int:
        """Write an object in place of generation `replacing`, 0 for none; return the new one.

        Raises:
            Refused: Another generation is there.
        """
        query = urlencode(
            {"uploadType": "media", "name": name, "ifGenerationMatch": str(replacing)}
        )
        url = f"{self.storage}/upload/storage/v1/b/{quote(bucket, safe='')}/o?{query}"
        answer = call(url, self._token(), content, {"Content-Type": "application/octet-stream"})
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            raise Refused(f"gs://{bucket}/{name} was written by another build meanwhile")
        _expect(answer, f"writing gs://{bucket}/{name}")
        return int(answer.json()["generation"])

    def publish(self, topic: str, attributes: dict[str, str]) -> None:
        """Publish one message; `topic` is projects/PROJECT/topics/TOPIC."""
        body = json.dumps({"messages": [{"attributes": attributes}]}).encode()
        answer = call(f"{self.pubsub}/v1/{topic}:publish", self._token(), body)
        _expect(answer, f"publishing to {topic}")

    def identity_token(self, account: str, audience: str) -> str:
        """A token that says who `account` is to `audience` alone, with its e-mail address.

        The IAM API makes it for whoever may call getOpenIdToken on the account.
        """
        body = json.dumps({"audience": audience, "includeEmail": True}).encode()
        url = f"{self.iam}/v1/projects/-/serviceAccounts/{quote(account, safe='@')}:generateIdToken"
        answer = call(url, self._token(), body)
        _expect(answer, f"an identity token of {account}")
        return str(answer.json()["token"])

    def _token(self) -> str:
        """The access token of the account that runs the build."""
        url = f"{self.metadata}/computeMetadata/v1/instance/service-accounts/default/token"
        answer = call(url, headers={"Metadata-Flavor": "Google"})
        _expect(answer, "the build's own token")
        return str(answer.json()["access_token"])

    def _object(self, bucket: str, name: str) -> str:
        return f"{self.storage}/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"


def _expect(answer: Answer, doing: str) -> None:
    if answer.status != HTTPStatus.OK:
        raise Refused(f"{doing}: {answer.status} {answer.body.decode(errors='replace')[:500]}")
