"""What is kept of a rehearsal in a project: figures and answers, and no names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.packaging import ROOT
from local.rehearsal.step import Result, Step, check_line

RECORD = ROOT / "docs" / "rehearsal.json"
VERSION = 1

_STORE = re.compile(r"(fileSearchStores|files|projects)/[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Setting:
    """When and with what a rehearsal was played.

    Attributes:
        played_on: The date, as ISO 8601.
        commit: The commit; empty if it is not known.
        region: The region.
        tier: The quota tier.
    """

    played_on: str
    commit: str
    region: str
    tier: str


def recorded(
    setting: Setting,
    steps: Sequence[Step],
    results: Mapping[str, Result],
    names: Sequence[str],
) -> dict[str, Any]:
    """Return the record of a rehearsal, as JSON.

    Args:
        setting: When and with what it was played.
        steps: The steps.
        results: Their results.
        names: What must not be in the record: the project's id and number, the person's address.
    """
    played = [(step, results[step.name]) for step in steps if step.name in results]
    record = {
        "schema_version": VERSION,
        "played_on": setting.played_on,
        "commit": setting.commit,
        "region": setting.region,
        "tier": setting.tier,
        "steps": [
            {
                "title": step.title,
                "result": result.state or "begun",
                "seconds": round(result.seconds),
                "usd": round(sum(cost.usd for cost in result.costs), 4),
                "problem": result.problem,
                "wrong": [check_line(check) for check in result.checks if not check.holds],
            }
            for step, result in played
        ],
        "answers": {
            answer.question.value: {"is_settled": answer.is_settled, "text": answer.text}
            for _, result in played
            for answer in result.answers
        },
    }
    clean: dict[str, Any] = _without(record, [name for name in names if name])
    return clean


def write_record(record: Mapping[str, Any], path: Path = RECORD) -> None:
    """Write the record into the documentation."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


def read_record(path: Path = RECORD) -> dict[str, Any] | None:
    """Return the record of the documentation; None if no rehearsal was recorded yet."""
    if not path.exists():
        return None
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _without(value: Any, names: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    """Return JSON with names replaced in all its texts."""
    if isinstance(value, dict):
        return {key: _without(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_without(each, names) for each in value]
    if not isinstance(value, str):
        return value
    for name in names:
        value = value.replace(name, "***")
    return _STORE.sub(r"\1/***", value)
