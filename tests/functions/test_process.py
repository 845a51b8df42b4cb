from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.config import CommonSettings
from shared.process import EXIT_CONFIGURATION, EXIT_WATCHDOG, JsonFormatter, settings_of, watchdog
from tests.patience import PATIENCE


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Codes that the process would have ended with."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(logging, "shutdown", lambda: None)
    return codes


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_block_that_outlives_its_budget_ends_the_process(
    exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()

    def end(code: int) -> None:
        exits.append(code)
        ended.set()

    monkeypatch.setattr(os, "_exit", end)
    with watchdog(timedelta(milliseconds=1)):
        assert ended.wait(PATIENCE)

    assert exits == [EXIT_WATCHDOG]


def test_a_block_that_ends_in_time_leaves_no_timer(exits: list[int]) -> None:
    before = threading.active_count()
    timers = []
    with watchdog(timedelta(hours=1)):
        timers = [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
        assert threading.active_count() == before + 1
    for timer in timers:
        timer.join(PATIENCE)
    assert [t for t in threading.enumerate() if isinstance(t, threading.Timer)] == []
    assert exits == []


def test_a_block_that_fails_stops_its_watchdog_too(exits: list[int]) -> None:
    def fails() -> None:
        with watchdog(timedelta(hours=1)):
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - raised here
        fails()
    for timer in [t for t in threading.enumerate() if isinstance(t, threading.Timer)]:
        timer.join(PATIENCE)
    assert exits == []


def test_a_log_line_is_one_json_object_that_cloud_logging_reads() -> None:
    record = logging.LogRecord("a.b", logging.WARNING, "f", 1, "so\nmany: %d", (7,), None)
    record.fields = {"event": "batch_closed", "at": timedelta(1)}
    record.created = 1_790_000_000.25

    line = JsonFormatter().format(record)

    assert "\n" not in line
    entry = json.loads(line)
    assert (entry["severity"], entry["message"], entry["logger"]) == (
        "WARNING",
        "so\nmany: 7",
        "a.b",
    )
    assert entry["event"] == "batch_closed"
    assert entry["time"] == "2026-09-21T14:13:20.250+00:00"


def test_good_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROJECT_ID", "BUCKET", "DEPLOYMENT"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")

    assert settings_of(CommonSettings).bucket == "x"
    assert logging.getLogger().level == logging.ERROR


def test_bad_settings_end_the_process_at_once_with_every_key_named(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("BUCKET", "b")

    with pytest.raises(SystemExit) as caught:
        settings_of(CommonSettings)

    assert caught.value.code == EXIT_CONFIGURATION
    entry = json.loads(capsys.readouterr().err)
    assert entry["severity"] == "CRITICAL"
    assert "PROJECT_ID is not set" in entry["message"]
    assert "DEPLOYMENT is not set" in entry["message"]
