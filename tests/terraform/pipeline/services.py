"""What the builds talk to, on loopback: Google's services, and the deployment that is tried out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from steps.google_api import Google

TOKEN = "token-of-the-build"
PLANS = "plans-of-prod"
TOPIC = "projects/p/topics/fss-prod-plans"
DEPLOYER = "deployer@p.iam.gserviceaccount.com"


class Services:
    """Plays everything but Cloud Storage, which is this repository's own server.

    Attributes:
        published: The attributes of each published message.
        tokens: What was asked of the IAM API: the account and the body.
        asked: Each request to a function: method, path and the account and audience of its token.
        answers: What the functions answer, by method and path; the last one again and again.
        open: Paths that are answered without a token too.
    """

    def __init__(self, storage: str) -> None:
        self.published: list[dict[str, str]] = []
        self.tokens: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.open: set[str] = set()
        self.url = ""
        self.storage = storage

    @property
    def google(self) -> Google:
        return Google(self.url, self.storage, self.url, self.url)

    @property
    def dispatcher(self) -> str:
        return f"{self.url}/dispatcher"

    @property
    def status(self) -> str:
        return f"{self.url}/status"

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, Any]:
        if path.startswith("/computeMetadata/"):
            assert headers["Metadata-Flavor"] == "Google"
            return 200, {"access_token": TOKEN}
        bearer = str(headers["Authorization"] or "").removeprefix("Bearer ")
        if path.startswith("/v1/") and bearer != TOKEN:
            return 401, {"error": "whose token is that?"}
        if path.endswith(":generateIdToken"):
            account = path.rpartition("/")[2].partition(":")[0]
            self.tokens.append((account, json.loads(body)))
            return 200, {"token": f"{account} for {json.loads(body)['audience']}"}
        if path == f"/v1/{TOPIC}:publish":
            self.published += [each["attributes"] for each in json.loads(body)["messages"]]
            return 200, {"messageIds": ["1"]}
        function = "/".join(path.split("/")[:2])
        if bearer != f"{DEPLOYER} for {self.url}{function}" and path not in self.open:
            return 403, {"error": "no token for this"}
        self.asked.append((f"{method} {path}", body.decode()))
        answers = self.answers.get(f"{method} {path}", [(404, {"error": "no such thing"})])
        return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def services(storage: str) -> Iterator[Services]:
    """All of them, with an empty bucket of plans on the Cloud Storage server at `storage`."""
    played = Services(storage)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, value = played.answer(self.command, self.path, self.headers, body)
            sent = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            if 300 <= status < 400:
                self.send_header("Location", f"{played.url}/elsewhere")
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    played.url = f"http://127.0.0.1:{server.server_port}"
    client = storage_client(storage)
    try:
        bucket = client.lookup_bucket(PLANS) or client.create_bucket(PLANS)
        bucket.delete_blobs(list(bucket.list_blobs()))
        yield played
    finally:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()


def storage_client(url: str) -> storage.Client:
    return storage.Client(
        project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
    )
