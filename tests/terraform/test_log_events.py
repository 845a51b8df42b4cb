"""Metrics count what the functions log: an event that nobody writes would never be told."""

from __future__ import annotations

import ast
import re

import pytest

from local.packaging import ROOT
from shared.services.events import DETAILS, Event
from tests.world import World

TEXT = (ROOT / "terraform" / "modules" / "monitoring" / "metrics.tf").read_text()
END_OF_A_SYNC = next(re.finditer(r'real_end = "(.*)"\n', TEXT))[1]
METRICS = TEXT.replace("${local.real_end}", END_OF_A_SYNC)


def fields_read(event: str) -> set[str]:
    """Fields that metrics read of an event, in filters, labels and figures."""
    entries = re.findall(r"\{\n +description.*?\n    \}", METRICS, re.DOTALL)
    mine = " ".join(entry for entry in entries if f'event=\\"{event}\\"' in entry)
    assert mine
    read = set(re.findall(r"jsonPayload\.(\w+)", mine)) - {"event"}
    read |= set(re.findall(r'label +=+ "(\w+)"', mine))
    if event == Event.BATCH_CLOSED:
        read |= set(re.findall(r'^ +files_\w+ += "(\w+)"', METRICS, re.MULTILINE))
    return read


def fields_written(event: Event) -> set[str]:
    """Fields that the code gives where it logs an event."""
    found: set[str] = set()
    for file in (ROOT / "shared" / "services").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node).startswith(
                f"emit(Event.{event.name}"
            ):
                found |= {each.arg for each in node.keywords if each.arg}
    return found


COUNTED = set(re.findall(r'jsonPayload\.event=\\"(\w+)\\"', METRICS))

FOR_READERS = {
    Event.FUNCTION_STARTED,
    Event.REQUEST_REFUSED,
    Event.SYNC_ASKED_FOR,
    Event.BATCH_STARTED,
    Event.PHASE_BEGAN,
    Event.BATCH_PAUSED,
    Event.BATCH_RESUMED,
    Event.FILE_INDEXED,
    Event.BREAKER_MOVED,
    Event.HOLD_BEGAN,
}
"""Events that no metric counts: they tell how a sync went, and are read in the log."""


def test_every_event_is_counted_or_for_readers_and_nothing_else_is() -> None:
    assert set(Event) == COUNTED | FOR_READERS
    assert not COUNTED & FOR_READERS


def test_no_event_that_is_counted_can_be_silenced() -> None:
    assert not COUNTED & DETAILS


@pytest.mark.parametrize("event", sorted(set(Event) - FOR_READERS - {Event.BATCH_CLOSED}))
def test_an_event_has_the_fields_that_metrics_read(event: Event) -> None:
    written = fields_written(event)
    assert written
    assert fields_read(event) <= written


def test_the_end_of_a_sync_has_the_fields_that_metrics_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    for dry_run in (True, False):
        world = World()
        world.put({"a.md": "# A\n"})
        world.sync(dry_run=dry_run)
    logged = [vars(record).get("fields", {}) for record in caplog.records]
    ends = [fields for fields in logged if fields.get("event") == Event.BATCH_CLOSED]
    assert [end.get("dry_run") for end in ends] == [True, False]
    for end in ends:
        assert fields_read(Event.BATCH_CLOSED) <= set(end)
