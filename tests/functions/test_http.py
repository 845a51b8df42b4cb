from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.callers import Callers
from shared.domain.errors import (
    AlreadyRunning,
    BadRequest,
    Forbidden,
    InvalidRequest,
    LostLease,
    NoSuchBatch,
    NotSetUp,
    Refused,
    Unavailable,
)
from shared.http.requests import MAX_BODY, FilesQuery, checked_body, checked_query
from shared.http.routes import Routes
from tests.functions.framework_app import SETTINGS, UseCases
from tests.services.story import SECOND, begun, later, world_with
from tests.world import World


def request(
    method: str = "POST", path: str = "/sync", body: object = None, **kwargs: Any
) -> Request:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    builder = EnvironBuilder(path=path, method=method, data=data, **kwargs)
    try:
        return Request(builder.get_environ())
    finally:
        builder.close()


ANYBODY = Callers(are_checked=False)


def body_of(response: Response) -> Any:
    assert response.mimetype == "application/json"
    return json.loads(response.get_data())


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """A function's module sets the process's logging as it is imported."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def world() -> World:
    return world_with("a.md")


def function(name: str, world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A function's module over that world's use cases."""
    for key, value in SETTINGS.items():
        monkeypatch.setenv(key, value)
    module = importlib.reload(importlib.import_module(f"functions.{name}.main"))
    monkeypatch.setattr(module, "USE", UseCases(world), raising=False)
    return module


@pytest.fixture
def dispatcher(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return function("dispatcher", world, monkeypatch)


@pytest.fixture
def upload(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return function("upload", world, monkeypatch)


@pytest.fixture
def status(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = function("status", world, monkeypatch)
    monkeypatch.setattr(module, "report", lambda _: world.report)
    return module


def called(module: ModuleType, *args: Any, **kwargs: Any) -> tuple[int, Any]:
    response = module.ROUTES(request(*args, **kwargs))
    return response.status_code, body_of(response)


# --- bodies -----------------------------------------------------------------------------------


def test_an_empty_body_asks_for_an_ordinary_sync() -> None:
    found = checked_body(SyncRequest, request(body=b"  "))
    assert (found.mode, found.trigger, found.dry_run, found.max_deletes) == (
        "incremental",
        "http",
        False,
        None,
    )


def test_every_field_of_a_body_reaches_the_use_case() -> None:
    found = checked_body(
        SyncRequest,
        request(
            body={
                "mode": "full",
                "trigger": "scheduler",
                "dry_run": True,
                "prefix": "a/",
                "delete_policy": "add_only",
                "max_deletes": 0,
                "max_imports": 7,
                "max_estimated_cost": 2.5,
                "force": True,
            }
        ),
    )
    assert (found.mode, found.trigger, found.delete_policy) == ("full", "scheduler", "add_only")
    assert (found.dry_run, found.force, found.prefix) == (True, True, "a/")
    assert (found.max_deletes, found.max_imports, found.max_estimated_cost) == (0, 7, 2.5)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"mod": "full"}, ["mod"]),
        ({"mode": "everything"}, ["mode"]),
        ({"dry_run": "yes"}, ["dry_run"]),
        ({"dry_run": 1}, ["dry_run"]),
        ({"max_deletes": -1}, ["max_deletes"]),
        ({"max_deletes": "7"}, ["max_deletes"]),
        ({"max_deletes": 1.5}, ["max_deletes"]),
        ({"max_deletes": True}, ["max_deletes"]),
        ({"max_estimated_cost": 0}, ["max_estimated_cost"]),
        ({"max_estimated_cost": "2.50"}, ["max_estimated_cost"]),
        ({"max_estimated_cost": 10**400}, ["max_estimated_cost"]),
        ({"max_deletes": 2**63, "max_imports": 2**63}, ["max_deletes", "max_imports"]),
        ({"prefix": "x" * 1025}, ["prefix"]),
        ({"prefix": 7}, ["prefix"]),
        ({"prefix": "\u00e4" * 513, "force": None}, ["prefix", "force"]),
        ({"force": None}, ["force"]),
        ({"mode": 1, "x": 2, "dry_run": 3}, ["mode", "x", "dry_run"]),
    ],
    ids=str,
)
def test_every_problem_of_a_body_is_named(body: dict[str, object], named: list[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked_body(SyncRequest, request(body=body))
    assert sorted(p.partition(":")[0] for p in caught.value.problems) == sorted(named)


@pytest.mark.parametrize(
    ("prefix", "told"),
    [
        ("\u00e4" * 513, "prefix: has 1026 bytes; an object's name has at most 1024"),
        ("a\0", "prefix: contains a NUL, which no object's name has"),
        ("a\r\n", "prefix: contains a carriage return, which no object's name has"),
    ],
    ids=["too long", "NUL", "line break"],
)
def test_a_prefix_that_no_name_can_have_is_refused_with_the_reason(prefix: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked_body(SyncRequest, request(body={"prefix": prefix}))
    assert list(caught.value.problems) == [told]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("status=odd", "status"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
        ("page_token=" + "x" * 513, "page_token"),
    ],
)
def test_query_parameters_are_checked_alike(query: str, named: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked_query(FilesQuery, request("GET", f"/files?{query}"))
    assert [p.partition(":")[0] for p in caught.value.problems] == [named]


# --- the dispatcher ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/sync"])
def test_a_sync_is_accepted_with_a_link(dispatcher: ModuleType, path: str) -> None:
    status, body = called(dispatcher, path=path, body={})

    assert status == 202
    assert body["status_url"] == f"https://s.example/batches/{body['batch_id']}"


def test_a_second_sync_is_a_409_with_the_running_ones_link(
    dispatcher: ModuleType, world: World
) -> None:
    batch = begun(world)

    status, body = called(dispatcher, body={})

    assert (status, body["batch_id"]) == (409, batch.batch_id)
    assert body["status_url"] == f"https://s.example/batches/{batch.batch_id}"
    assert "error" in body


def test_scheduler_is_told_200_while_a_batch_runs(dispatcher: ModuleType, world: World) -> None:
    batch = begun(world)

    status, body = called(dispatcher, body={"trigger": "scheduler"})

    assert (status, body["already_running"], body["batch_id"]) == (200, True, batch.batch_id)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"[]",
        b"7",
        b'"text"',
        b"\xff\xfe",
        b"[" * 9000,
        b'{"prefix":"\\ud800"}',
        b'{"\\ud800":1}',
        b'{"force":true,"force":false}',
        b'{"max_estimated_cost":NaN}',
        b'{"max_estimated_cost":1e999}',
        "{}".encode("utf-16"),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_body_that_is_no_json_object_is_a_400_and_starts_nothing(
    dispatcher: ModuleType, world: World, body: bytes
) -> None:
    status, answer = called(dispatcher, body=body)

    assert status == 400
    assert answer["error"] == "invalid request"
    assert answer["problems"]
    assert world.report.batches(10) == []


def test_an_unknown_field_is_a_400_that_names_it(dispatcher: ModuleType) -> None:
    status, answer = called(dispatcher, body={"dryrun": True, "mode": "x"})

    assert status == 400
    assert len(answer["problems"]) == 2
    assert any("dryrun" in problem for problem in answer["problems"])


def test_a_body_that_is_too_long_is_a_413(dispatcher: ModuleType) -> None:
    status, answer = called(dispatcher, body=b" " * (MAX_BODY + 1))

    assert status == 413
    assert "error" in answer
    assert called(dispatcher, body=b" " * MAX_BODY)[0] == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_wrong_method_is_a_405_with_allow(dispatcher: ModuleType, method: str) -> None:
    response = dispatcher.ROUTES(request(method, "/sync"))

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert "POST" in body_of(response)["error"]


@pytest.mark.parametrize("path", ["/nothing", "/sync/", "/batches", "/batches/x:explode"])
def test_an_unknown_path_is_a_404_that_names_the_paths(dispatcher: ModuleType, path: str) -> None:
    status, answer = called(dispatcher, path=path)

    assert status == 404
    assert "/sync" in answer["paths"]


@pytest.mark.parametrize(
    "target",
    [
        "/?dry_run=true",
        "/sync?dry_run=true",
        "/sync?",
        "/batches/b:cancel?x",
        "/batches/b:pause?x",
        "/batches/b:resume?x",
        "/stores/next:promote?x",
        "/stores/previous:drop?x",
        "/control/supervise?x",
        "/control/scan?x",
    ],
)
def test_query_parameters_are_refused_and_nothing_starts(
    dispatcher: ModuleType, world: World, target: str
) -> None:
    status, told = called(dispatcher, path=target, body={})

    if target.endswith("?"):
        assert status == 202
        return
    name = target.partition("?")[2].partition("=")[0]
    assert (status, [each.partition(":")[0] for each in told["problems"]]) == (400, [name])
    assert world.report.batches(10) == []


@pytest.mark.parametrize(
    ("act", "after"), [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")]
)
def test_a_running_batch_is_controlled_by_its_path(
    dispatcher: ModuleType, world: World, act: str, after: str
) -> None:
    batch = begun(world)

    status, body = called(dispatcher, path=f"/batches/{batch.batch_id}:{act}")

    assert (status, body["status"], body["batch_id"]) == (200, after, batch.batch_id)


@pytest.mark.parametrize("odd", ["__x__", "..", "x" * 2000, "%0A", "%ff", "a%20b", "a%00"])
def test_what_can_be_no_batchs_id_is_a_404(
    dispatcher: ModuleType, status: ModuleType, odd: str
) -> None:
    for act in ("cancel", "pause", "resume"):
        assert called(dispatcher, path=f"/batches/{odd}:{act}")[0] == 404
    for rest in ("", "/files", "/files?status=indexed"):
        assert called(status, "GET", f"/batches/{odd}{rest}")[0] == 404


def test_a_batch_that_is_not_there_is_a_404_and_one_that_is_over_a_400(
    dispatcher: ModuleType, world: World
) -> None:
    assert called(dispatcher, path="/batches/nothing:cancel")[0] == 404
    over = world.sync()["batch_id"]
    status, body = called(dispatcher, path=f"/batches/{over}:cancel")
    assert (status, "is over" in body["problems"][0]) == (400, True)


def test_scheduler_supervises_whatever_its_body(dispatcher: ModuleType) -> None:
    status, body = called(dispatcher, path="/control/supervise", body=b"not json")
    assert (status, body["status"]) == (200, "idle")


# --- the upload function ----------------------------------------------------------------------


STEP = {"schema": 1, "path": "a.md", "seq": 1, "batch": "b", "generation": 0}
SCAN = {"schema": 1, "batch": "b", "index": 0}
SCAN_PATH = "/control/scan"
NUMBERS = (-1, 2**63, 10**400, 1.5, "1", None, True)
BATCHES = ("", "..", "a/b", "__x__", "x" * 2000, "\ud800", 7, None)

ODD_TASKS = [
    *({**STEP, "path": path} for path in ("", "\ud800", "a\nb", "x" * 1025, 7, None)),
    *({**STEP, "batch": batch} for batch in BATCHES),
    *({**STEP, name: number} for name in ("seq", "generation") for number in NUMBERS),
    *({**SCAN, "batch": batch} for batch in BATCHES),
    *({**SCAN, "index": number} for number in NUMBERS),
    *({**task, "schema": schema} for task in (STEP, SCAN) for schema in (0, 2, "1", None)),
    {},
    b"{",
    b"[]",
    b"\xff",
    b'{"schema": 1, "schema": 1}',
]


@pytest.mark.parametrize("body", ODD_TASKS, ids=lambda body: repr(body)[:70])
def test_a_task_that_cant_be_read_is_dropped_logged_and_touches_nothing(
    upload: ModuleType,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    body: object,
) -> None:
    begun(world)
    writes, reads = world.documents.writes, world.documents.reads
    dispatcher = function("dispatcher", world, monkeypatch)
    logging.getLogger().addHandler(caplog.handler)

    for module, path in ((upload, "/step"), (dispatcher, SCAN_PATH)):
        caplog.clear()
        status, told = called(module, path=path, body=body)
        assert (status, [*told]) == (200, ["dropped"])
        assert f"dropped a task of {path}" in caplog.text

    assert (world.documents.writes, world.documents.reads) == (writes, reads)


def test_fields_of_a_newer_version_are_ignored(upload: ModuleType) -> None:
    payload = {**STEP, "since": [None]}
    assert called(upload, path="/step", body=payload) == (200, {"outcome": "gone"})


def test_a_scan_of_a_batch_that_is_not_there_is_over_at_once(dispatcher: ModuleType) -> None:
    assert called(dispatcher, path=SCAN_PATH, body=SCAN) == (200, {"pages": 0})


def test_a_step_tells_its_outcome(upload: ModuleType) -> None:
    assert called(upload, path="/step", body=STEP) == (200, {"outcome": "gone"})


LOOKS = {"schema": 1, "batch": "b"}


def test_a_run_of_the_poller_tells_what_it_did(upload: ModuleType) -> None:
    told = called(upload, path="/looks", body=LOOKS)
    assert told == (200, {"outcome": "done", "looked_at": 0})


@pytest.mark.parametrize(
    "body",
    [{}, {**LOOKS, "schema": 2}, *({**LOOKS, "batch": each} for each in BATCHES), b"{"],
    ids=lambda body: repr(body)[:70],
)
def test_a_run_that_cant_be_read_is_dropped(upload: ModuleType, body: object) -> None:
    status, told = called(upload, path="/looks", body=body)
    assert (status, [*told]) == (200, ["dropped"])


@pytest.mark.parametrize(
    "odd", [{"store": 7}, {"store": "x" * 201}, {"store": None}, {"nudges": "yes"}]
)
def test_a_step_with_an_odd_hint_is_dropped(upload: ModuleType, odd: dict[str, object]) -> None:
    status, told = called(upload, path="/step", body={**STEP, **odd})
    assert (status, [*told]) == (200, ["dropped"])


# --- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest("one", "two"), 400),
        (NoSuchBatch("there is no batch x"), 404),
        (AlreadyRunning("b1"), 409),
        (Refused("too many"), 409),
        (LostLease("overtaken"), 200),
        (Unavailable("firestore", code=503), 503),
        (NotSetUp("firestore.query", "an index is missing", code=400), 503),
        (Forbidden("gemini.delete_store", code=403), 503),
        (LookupError("a defect"), 500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_failure_has_its_status_and_only_ours_is_a_5xx(error: Exception, status: int) -> None:
    def fails(_: Request) -> tuple[dict[str, Any], int]:
        raise error

    response = Routes({("POST", "/x"): fails}, callers=ANYBODY)(request(path="/x"))

    assert response.status_code == status
    assert body_of(response)


def test_an_answer_is_json_that_people_can_read() -> None:
    routes = Routes({("GET", "/x"): lambda _: ({"name": "日本"}, 200)}, callers=ANYBODY)
    assert "日本" in routes(request("GET", "/x")).get_data(as_text=True)


# --- the status function --------------------------------------------------------------------


def test_the_history_is_served_page_by_page(status: ModuleType, world: World) -> None:
    first = world.sync()["batch_id"]
    later(world, SECOND)
    second = world.sync()["batch_id"]

    _, page = called(status, "GET", "/batches?limit=1")
    assert [each["batch_id"] for each in page["batches"]] == [second]
    _, page = called(status, "GET", f"/batches?limit=1&page_token={page['next_page_token']}")
    assert [each["batch_id"] for each in page["batches"]] == [first]
    assert called(status, "GET", "/batches?page_token=nothing")[0] == 400


def test_failures_are_served_page_by_page(status: ModuleType, world: World) -> None:
    world.put({"b.md": "# B"})
    for _ in range(2):
        world.gemini.fail_next("upload", BadRequest("files.upload", code=400, status="BAD"))
    world.sync()

    _, first = called(status, "GET", "/failures?limit=1")
    _, second = called(status, "GET", f"/failures?limit=1&page_token={first['next_page_token']}")

    rows = first["failures"] + second["failures"]
    assert sorted(row["path"] for row in rows) == ["a.md", "b.md"]
    assert {row["kind"] for row in rows} == {"permanent"}
    wrong = f"/batches?page_token={first['next_page_token']}"
    assert called(status, "GET", wrong)[0] == 400
