"""The table of events in docs/operations.md says what the code logs."""

from __future__ import annotations

import ast
import logging
from collections import defaultdict

from local.packaging import ROOT
from shared.services.events import DETAILS, WARNINGS, Event
from tests.docs.markdown import Page, code

TABLE = Page.read("docs/operations.md").table("## Events")
ROWS = {code(row[0])[0]: row for row in TABLE}


def emitted() -> dict[str, set[str]]:
    """The fields of each event, where the code emits it: each place gives the same."""
    found: defaultdict[str, list[set[str]]] = defaultdict(list)
    for file in (ROOT / "shared").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "emit":
                name = ast.unparse(node.args[0]).removeprefix("Event.")
                fields = {str(each.arg) for each in node.keywords} - {"level"}
                found[Event[name]].append(fields)
    for event, places in found.items():
        assert all(fields == places[0] for fields in places), event
    return {event: places[0] for event, places in found.items()}


def test_every_event_is_emitted_and_listed_with_its_fields() -> None:
    fields = emitted()
    assert set(fields) == set(Event)
    assert {event: set(code(row[3])) for event, row in ROWS.items()} == fields


def test_the_severity_of_each_event_is_the_one_it_has() -> None:
    for event, row in ROWS.items():
        level = logging.WARNING if event in WARNINGS else logging.INFO
        expected = "by its status" if event == Event.BATCH_CLOSED else logging.getLevelName(level)
        assert row[1] == expected, event


def test_the_events_that_the_log_level_silences_are_marked() -> None:
    assert {event for event, row in ROWS.items() if row[0].endswith(" *")} == DETAILS
