"""Formats the steps of a run as readable lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.domain.ids import file_id
from shared.gateways.ports import Delete, Task
from tests.simulation.faults.faulty_ports import Call
from tests.simulation.faults.trouble import READS

Entry = tuple[datetime, str, object, object]

_LEFT_OUT = re.compile("updated_at|schema_version|path|expires_at|requests")
_LONG = re.compile(r"fileSearchStores/[^/']+/|(?<=[0-9a-f]{6})[0-9a-f]{26,}")


def lines(entries: Iterable[Entry], names: Iterable[str], *, reads: bool) -> list[str]:
    """One line for each step; reads are left out unless asked for."""
    by_id = {file_id(name): name for name in names}
    found = []
    for at, who, what, outcome in entries:
        failed = isinstance(outcome, Exception | StrEnum)
        if isinstance(what, Call):
            if what.port == "documents" and what.name in READS and not (reads or failed):
                continue
            text = _call(what, by_id)
        else:
            text = str(what)
        result = _result(what, outcome)
        line = f"{at:%d %H:%M:%S.%f}"[:-3] + f" {who:14} {text}"
        found.append(_LONG.sub("", f"{line} -> {result}" if result else line))
    return found


def _call(call: Call, by_id: Mapping[str, str]) -> str:
    if call.name == "commit":
        return "commit " + "; ".join(_write(write, by_id) for write in call.arguments[0])
    given = [_brief(value) for value in (*call.arguments, *call.keywords.values())]
    return f"{call.name}({', '.join(given)})"


def _write(write: Any, by_id: Mapping[str, str]) -> str:
    kind, _, name = write.path.partition("/")
    subject = f"{type(write).__name__} {kind}/{by_id.get(name, name)}"
    if isinstance(write, Delete):
        return subject
    created = type(write).__name__ != "Update"
    shown = {
        name: _brief(value)
        for name, value in write.fields.items()
        if not _LEFT_OUT.fullmatch(name) and not (created and value in ("", None, 0, [], {}, False))
    }
    return f"{subject} {{{', '.join(f'{name}={value}' for name, value in shown.items())}}}"


def _brief(value: Any) -> str:
    if hasattr(value, "read"):
        return "content"  # its repr holds an address
    match value:
        case datetime():
            return f"{value:%H:%M:%S}"
        case Task():
            at = f" at {value.at:%H:%M:%S}" if value.at else ""
            return f"{value.queue} {value.path} {dict(value.payload)} {value.id[:6]}{at}"
        case StrEnum() | str():
            return value[:70] or "''"
        case _:
            return str(value)[:90]


def _result(what: object, outcome: object) -> str:
    if outcome is None:
        return ""
    if isinstance(outcome, BaseException):
        return f"{type(outcome).__name__}: {outcome}"
    if isinstance(what, Call) and what.name in ("commit", "create"):
        return "" if outcome is not False else "taken"
    return "content" if hasattr(outcome, "read") else str(outcome)[:260]
