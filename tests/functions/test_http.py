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
from shared.domain.errors import BadRequest, InvalidRequest, LostLease, Refused, Unavailable
from shared.http import MAX_BODY, FilesQuery, Routes, checked, checked_query, json_lines
from shared.services.batch.control import NoSuchBatch
from shared.services.batch.start import AlreadyRunning
from tests.services.story import SECOND, begun, later, world_with
from tests.world import World

DISPATCHER = {
    "PROJECT_ID": "p",
    "BUCKET": "b",
    "DEPLOYMENT": "dev",
    "LOCATION": "l",
    "UPLOADS_QUEUE": "u",
    "POLLS_QUEUE": "p",
    "CONTROL_QUEUE": "c",
    "UPLOAD_URL": "https://u.example",
    "DISPATCHER_URL": "https://d.example",
    "STATUS_URL": "https://s.example",
    "GEMINI_API_KEY": "secret",
}


def request(
    method: str = "POST", path: str = "/sync", body: object = None, **kwargs: Any
) -> Request:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    builder = EnvironBuilder(path=path, method=method, data=data, **kwargs)
    try:
        return Request(builder.get_environ())
    finally:
        builder.close()


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
    for key, value in DISPATCHER.items():
        monkeypatch.setenv(key, value)
    module = importlib.reload(importlib.import_module(f"functions.{name}.main"))
    monkeypatch.setattr(module, "USE", world, raising=False)
    return module


@pytest.fixture
def dispatcher(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return function("dispatcher", world, monkeypatch)


@pytest.fixture
def upload(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return function("upload", world, monkeypatch)


def called(module: ModuleType, *args: Any, **kwargs: Any) -> tuple[int, Any]:
    response = module.ROUTES(request(*args, **kwargs))
    return response.status_code, body_of(response)


# --- bodies -----------------------------------------------------------------------------------


def test_an_empty_body_asks_for_an_ordinary_sync() -> None:
    found = checked(SyncRequest, request(body=b"  "))
    assert (found.mode, found.trigger, found.dry_run, found.max_deletes) == (
        "incremental",
        "http",
        False,
        None,
    )


def test_every_field_of_a_body_reaches_the_use_case() -> None:
    found = checked(
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
        ({"max_estimated_cost": float("inf")}, ["max_estimated_cost"]),
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
        checked(SyncRequest, request(body=body))
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
        checked(SyncRequest, request(body={"prefix": prefix}))
    assert list(caught.value.problems) == [told]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=x", "limit"),
        ("status=odd", "status"),
        ("page=2", "page"),
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
    [b"{", b"nonsense", b"[]", b"7", b'"text"', b"\xff\xfe", b"[" * 9000, b'{"prefix":"\\ud800"}'],
    ids=lambda body: repr(body[:12]),
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
    ("act", "after"), [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")]
)
def test_a_running_batch_is_controlled_by_its_path(
    dispatcher: ModuleType, world: World, act: str, after: str
) -> None:
    batch = begun(world)

    status, body = called(dispatcher, path=f"/batches/{batch.batch_id}:{act}")

    assert (status, body["status"], body["batch_id"]) == (200, after, batch.batch_id)


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


@pytest.mark.parametrize(
    "body", [{}, {"schema": 99}, {"schema": 1, "path": 7}, b"{", b"[]"], ids=str
)
def test_a_task_that_is_not_ours_is_answered_in_json_and_touches_nothing(
    upload: ModuleType, world: World, body: object
) -> None:
    writes = world.documents.writes

    status, _ = called(upload, path="/step", body=body)

    assert status in (200, 400)
    assert world.documents.writes == writes


def test_a_step_tells_its_outcome(upload: ModuleType) -> None:
    payload = {"schema": 1, "path": "a.md", "seq": 1, "batch": "b", "generation": 0}
    assert called(upload, path="/step", body=payload) == (200, {"outcome": "gone"})


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
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_failure_has_its_status_and_only_ours_is_a_5xx(error: Exception, status: int) -> None:
    def fails(_: Request) -> tuple[dict[str, Any], int]:
        raise error

    response = Routes({("POST", "/x"): fails})(request(path="/x"))

    assert response.status_code == status
    assert body_of(response)


def test_an_answer_is_json_that_people_can_read() -> None:
    routes = Routes({("GET", "/x"): lambda _: ({"name": "日本"}, 200)})
    assert "日本" in routes(request("GET", "/x")).get_data(as_text=True)


# --- lines ------------------------------------------------------------------------------------


def rows(count: int, first: int = 0) -> Iterator[dict[str, Any]]:
    """Lines, of which the fourth can't be made."""
    for number in range(first, count):
        if number == 3:
            raise Unavailable("firestore", code=503)
        yield {"path": f"{number}/日本\n.md"}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_json_lines_are_one_object_a_line(count: int) -> None:
    response = Routes({("GET", "/x"): lambda _: json_lines(rows(count))})(request("GET", "/x"))

    assert (response.status_code, response.mimetype) == (200, "application/x-ndjson")
    lines = response.get_data(as_text=True).splitlines()
    assert [json.loads(line) for line in lines] == list(rows(count))


def test_what_fails_at_the_first_line_is_answered_as_ever() -> None:
    response = Routes({("GET", "/x"): lambda _: json_lines(rows(4, first=3))})(request("GET", "/x"))

    assert response.status_code == 503


def test_what_fails_later_cuts_the_lines_off() -> None:
    response = Routes({("GET", "/x"): lambda _: json_lines(rows(4))})(request("GET", "/x"))

    lines = response.iter_encoded()
    assert len([next(lines) for _ in range(3)]) == 3
    with pytest.raises(Unavailable):
        next(lines)


def test_lines_are_made_when_they_are_asked_for() -> None:
    made = []

    def counted() -> Iterator[dict[str, Any]]:
        for number in range(1000):
            made.append(number)
            yield {"n": number}

    lines = json_lines(counted()).iter_encoded()
    next(lines)

    assert len(made) <= 2


@pytest.fixture
def status(world: World, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = function("status", world, monkeypatch)
    monkeypatch.setattr(module, "report", lambda _: world.report)
    return module


def test_the_history_is_served_page_by_page(status: ModuleType, world: World) -> None:
    first = world.sync()["batch_id"]
    later(world, SECOND)
    second = world.sync()["batch_id"]

    _, page = called(status, "GET", "/batches?limit=1")
    assert [each["batch_id"] for each in page["batches"]] == [second]
    _, page = called(status, "GET", f"/batches?limit=1&page_token={page['next_page_token']}")
    assert [each["batch_id"] for each in page["batches"]] == [first]
    assert called(status, "GET", "/batches?page_token=nothing")[0] == 400


def test_failures_are_served_as_lines(status: ModuleType, world: World) -> None:
    world.gemini.fail_next("upload", BadRequest("files.upload", code=400, status="BAD"))
    world.sync()

    response = status.ROUTES(request("GET", "/failures"))

    (failure,) = [json.loads(line) for line in response.get_data(as_text=True).splitlines()]
    assert (failure["path"], failure["kind"]) == ("a.md", "permanent")
    assert called(status, "GET", "/failures?limit=1")[0] == 400
