"""What the functions log: events at any level, with labels and the request's trace."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from shared.config import CommonSettings
from shared.domain.batch.batch import BatchStatus
from shared.domain.errors import BadRequest
from shared.log_labels import labelled, labels, trace, traced
from shared.process import JsonFormatter, settings_of
from shared.services.events import DETAILS, Event
from shared.services.lease.closing_event import SEVERITIES
from tests.functions.framework_app import SETTINGS, framework_app
from tests.services.story import SECOND, begun, later, play_out, step, world_with
from tests.world import World

TRACE = "65011637f09e0a5179677a7429456db7"

Lines = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logging_at(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SETTINGS, "LOG_LEVEL": level}.items():
        monkeypatch.setenv(name, value)
    settings_of(CommonSettings)


def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def events(found: Lines) -> list[str]:
    return [line["event"] for line in found if "event" in line]


def a_sync(world: World) -> None:
    batch = begun(world)
    step(world)
    world.control.pause(batch.batch_id)
    world.control.resume(batch.batch_id)
    play_out(world, batch)


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_no_level_silences_an_event_that_alerts_need(
    level: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logging_at(level, monkeypatch)
    world = world_with("a.md", "b.md")
    world.gemini.fail_next("upload", BadRequest("gemini.upload", code=400, status="BAD"))
    a_sync(world)

    found = events(lines(capsys))

    always = [event for event in found if event not in DETAILS]
    assert always == [
        *(Event.BATCH_STARTED, Event.PHASE_BEGAN),
        *(Event.BATCH_PAUSED, Event.BATCH_RESUMED),
        *(Event.PHASE_BEGAN, Event.FILE_FAILED, Event.BATCH_CLOSED),
    ]
    assert (Event.FILE_INDEXED in found) == (level in ("DEBUG", "INFO"))


def test_each_line_of_a_file_names_batch_file_and_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logging_at("INFO", monkeypatch)
    world = world_with("a.md")
    batch = begun(world)
    play_out(world, batch)

    of_file = next(line for line in lines(capsys) if line.get("event") == Event.FILE_INDEXED)

    assert of_file["logging.googleapis.com/labels"] == {
        "batch": batch.batch_id,
        "file": "a.md",
        "step": "await_import",
    }
    assert of_file["message"] == "'a.md' is indexed."


def test_lines_outside_a_request_have_no_trace_and_no_labels() -> None:
    record = logging.LogRecord("a", logging.INFO, "f", 1, "x", (), None)
    formatter = JsonFormatter()
    formatter.project = "p"
    assert set(json.loads(formatter.format(record))) == {"time", "severity", "message", "logger"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Cloud-Trace-Context": f"{TRACE}/1027871334010811884;o=1"},
        {"X-Cloud-Trace-Context": TRACE},
        {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
        {"X-Cloud-Trace-Context": "nonsense", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"},
    ],
)
def test_a_requests_lines_name_its_trace(
    headers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with framework_app("dispatcher", world_with("a.md")) as app:
        app.test_client().post("/sync", json={}, headers=headers)
        found = lines(capsys)
    (started,) = [line for line in found if line.get("event") == Event.BATCH_STARTED]
    assert started["logging.googleapis.com/trace"] == f"projects/p/traces/{TRACE}"


@pytest.mark.parametrize("header", ["", "x", "0" * 33, f"{TRACE[:-1]}g/1", f"{TRACE}\n", "/" * 99])
def test_a_header_of_another_form_names_no_trace(header: str) -> None:
    with traced(header, None):
        assert trace() == ""


def test_labels_hold_for_their_block_only() -> None:
    with labelled(batch="b"):
        with labelled(file="f", batch="c"):
            assert labels() == {"batch": "c", "file": "f"}
        assert labels() == {"batch": "b"}
    assert labels() == {}


@pytest.mark.parametrize("function", ["dispatcher", "upload", "status", "ask"])
def test_each_function_says_that_it_started_and_what_it_refused(
    function: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with framework_app(function, world_with("a.md")) as app:
        app.test_client().get("/nothing")
        found = lines(capsys)
    assert events(found) == [Event.FUNCTION_STARTED, Event.REQUEST_REFUSED]
    assert found[0]["message"] == "Started for the deployment 'dev' of gs://b/."
    assert found[1]["message"].startswith(
        "GET /nothing was answered with 404: there is no /nothing"
    )


def test_every_end_of_a_sync_has_its_severity() -> None:
    assert set(SEVERITIES) == {status for status in BatchStatus if status.is_terminal}


def test_the_end_of_a_sync_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logging_at("ERROR", monkeypatch)
    world = world_with("a.md")
    batch = begun(world)
    play_out(world, batch)
    later(world, SECOND)
    again = begun(world)
    world.control.cancel(again.batch_id)
    ends = [line for line in lines(capsys) if line.get("event") == Event.BATCH_CLOSED]
    assert [end["severity"] for end in ends] == ["INFO", "INFO"]
    assert ends[0]["message"] == (
        f"Batch {batch.batch_id} ended as completed after 16 s: 1 indexed, 0 deleted, 0 failed."
    )
    assert ends[1]["message"].endswith("cancelled on request")
