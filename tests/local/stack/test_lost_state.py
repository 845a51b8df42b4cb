"""State that is lost on a whole stack: somebody edits the database, or deletes the store."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from unittest import mock

import pytest
from google import genai
from google.cloud import firestore
from google.genai import types

from local.chaos.persistent_client import Deadline
from local.fss.__main__ import main
from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Exit, Failure, is_over
from tests.contract.servers import http_json
from tests.model.stack import Stack, started
from tests.patience import PATIENCE

PATHS = [f"{number:02}.md" for number in range(12)]
CHANGED = PATHS[:4]


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with started() as stack:
        for path in PATHS:
            stack.put(path, path.encode(), {})
        assert stack.sync()["indexed"] == len(PATHS)
        yield stack


@pytest.fixture(scope="module")
def database(stack: Stack) -> Iterator[firestore.Client]:
    """The database as its owner edits it, with Google's client."""
    with mock.patch.dict("os.environ", FIRESTORE_EMULATOR_HOST=stack.urls.firestore):
        client = firestore.Client(project=stack.urls.project)
    with closing(client):
        yield client


@pytest.fixture(scope="module")
def deployment(stack: Stack) -> Deployment:
    return Deployment(stack.urls.dispatcher, stack.urls.status)


def change(stack: Stack, content: str) -> None:
    """Give some objects another content."""
    for path in CHANGED:
        stack.put(path, f"{path} {content}".encode(), {})


def is_whole(stack: Stack) -> bool:
    """Whether the store holds each object once."""
    return Counter(path for path, _ in stack.documents()) == Counter(PATHS)


def wait_until(ready: Callable[[], object], problem: str) -> None:
    Deadline(PATIENCE).wait_until(ready, problem)


def begun(deployment: Deployment) -> str:
    return str(deployment.start({})["batch_id"])


def ended(deployment: Deployment, batch_id: str) -> str:
    """Wait for the batch's end; returns its status."""
    wait_until(lambda: is_over(deployment.batch(batch_id)), "the batch is not over")
    return str(deployment.batch(batch_id)["status"])


@contextmanager
def fault(stack: Stack, kind: str, **more: object) -> Iterator[None]:
    """A fault of the service, for a time."""
    url = f"{stack.urls.gemini}/_sim/faults"
    http_json(url, {"kind": kind, **more})
    try:
        yield
    finally:
        http_json(f"{stack.urls.gemini}/_sim/reset", ["faults"])


def cut_short(
    stack: Stack, database: firestore.Client, deployment: Deployment, *statuses: str
) -> None:
    """Begin a sync, and cancel it once a file has one of these statuses."""
    batch_id = begun(deployment)
    wait_until(
        lambda: any(record["status"] in statuses for record in stack.records()),
        f"no file is {statuses}",
    )
    deployment.order(batch_id, "cancel")
    lease = database.document("locks/writer")
    wait_until(lambda: lease.get().get("released"), "the lease is not released")


# --- the lease and the batch ------------------------------------------------------------------


def test_changes_after_a_deleted_lease_are_not_lost(
    stack: Stack, database: firestore.Client
) -> None:
    for content in "one", "two":
        change(stack, content)
        assert stack.sync()["indexed"] == len(CHANGED)
    lease = database.document("locks/writer")
    fence = lease.get().get("fence")
    lease.delete()
    change(stack, "after the loss")

    summary = stack.sync()

    assert (summary["status"], summary["changed"], summary["drift"]) == ("completed", 4, 0)
    assert lease.get().get("fence") == fence + 1
    assert is_whole(stack)


def test_a_batch_whose_lease_is_deleted_goes_on(
    stack: Stack, database: firestore.Client, deployment: Deployment
) -> None:
    change(stack, "while its lease is deleted")
    imports = stack.imports()
    batch_id = begun(deployment)
    database.document("locks/writer").delete()

    with pytest.raises(Failure, match=batch_id):
        begun(deployment)
    assert ended(deployment, batch_id) == "completed"

    assert stack.imports() - imports == len(CHANGED)
    assert is_whole(stack)


def test_a_start_names_a_batch_whose_record_was_deleted_until_its_lease_has_run_out(
    stack: Stack, database: firestore.Client, deployment: Deployment
) -> None:
    change(stack, "while its batch is deleted")
    imports = stack.imports()
    batch_id = begun(deployment)
    database.document(f"batches/{batch_id}").delete()

    with pytest.raises(Failure, match=f"batch {batch_id} was running, and its record was deleted"):
        begun(deployment)

    later: list[str] = []

    def may_start() -> bool:
        with suppress(Failure):  # until then
            later.append(begun(deployment))
        return bool(later)

    wait_until(may_start, "the lease has not run out")
    assert ended(deployment, later[0]) == "completed"
    assert stack.imports() - imports == len(CHANGED)
    assert is_whole(stack)


# --- the store --------------------------------------------------------------------------------


def test_a_store_that_the_key_could_not_read_for_a_time_goes_on_as_before(
    stack: Stack, database: firestore.Client, deployment: Deployment
) -> None:
    store = deployment.store()["store"]
    imports = stack.imports()
    change(stack, "before the key is another one")
    cut_short(stack, database, deployment, "uploading", "uploaded", "importing")

    with fault(stack, "permission_denied", resource=f"{store}*"):
        summary = stack.sync()
        assert summary["status"] == "refused"
        assert f"{store} is gone, or GEMINI_API_KEY is a key of another" in summary["message"]
    summary = stack.sync()
    if summary["status"] == "failed":  # a step had been refused just before
        summary = stack.sync()

    assert (summary["status"], summary["message"]) == ("completed", "")
    assert deployment.store()["store"] == store
    assert stack.imports() - imports == len(CHANGED), "each change once"
    assert is_whole(stack)


def test_one_command_replaces_a_store_that_was_deleted_while_files_were_under_way(
    stack: Stack,
    database: firestore.Client,
    deployment: Deployment,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = deployment.store()["store"]
    change(stack, "before the store is deleted")
    options = types.HttpOptions(base_url=str(stack.urls.gemini), api_version="v1beta")
    with (
        fault(stack, "document_stuck", times=len(CHANGED)),
        genai.Client(api_key="any", vertexai=False, http_options=options) as client,
    ):
        cut_short(stack, database, deployment, "importing")
        client.file_search_stores.delete(name=store, config={"force": True})
    imports = stack.imports()

    message = stack.sync()["message"]
    found = re.search(r"fss (sync --mode full --new-store --max-imports \d+)", message)
    assert found, message
    words = [*found[1].split(), "--watch", "--json"]
    urls = ["--dispatcher", str(stack.urls.dispatcher), "--status", str(stack.urls.status)]

    assert main([*words, *urls]) == Exit.IN_STEP

    assert json.loads(capsys.readouterr().out)["indexed"] == len(PATHS)
    assert deployment.store()["store"] != store
    assert stack.imports() - imports == len(PATHS), "each file once"
    assert is_whole(stack)
    imports_of = {path: deployment.file(path)["imports"] for path in PATHS}
    assert all(each["state"] != "sent" for rows in imports_of.values() for each in rows)
    lost = [rows for rows in imports_of.values() if any(store in str(row["error"]) for row in rows)]
    assert len(lost) == len(CHANGED), "of each import under way it is told what became of it"
    assert stack.sync()["unchanged"] == len(PATHS)
