"""The tables of docs/configuration.md, made from the declarations of the settings.

``python -m tests.docs.configuration_tables`` (``make docs``) writes them into the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.config import (
    AskLimits,
    AskSettings,
    CommonSettings,
    EventSettings,
    GeminiSettings,
    PlaceSettings,
    ScheduleSettings,
    StatusSettings,
    SyncSettings,
    TimeoutSettings,
)
from shared.domain.batch.request import SyncRequest
from shared.domain.deployment.settings import (
    PaceSettings,
    SourceSettings,
    StoreSettings,
    marks_of,
)
from shared.domain.throttle.tiers import Tier
from tests.docs.markdown import ROOT

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

PAGE = ROOT / "docs" / "configuration.md"

SECTIONS: Mapping[str, Sequence[type[BaseModel]]] = {
    "What every function needs": [CommonSettings],
    "What the status function shows": [ScheduleSettings],
    "Where things are": [PlaceSettings],
    "Gemini and the store": [GeminiSettings, StoreSettings],
    "Which files, and what is said of them": [SourceSettings],
    "How fast, and how long": [PaceSettings, EventSettings, TimeoutSettings],
    "What the ask function needs": [AskLimits],
}
"""Heading of the page, and the declarations its table shows."""

REQUEST = "What a sync can be asked for"

TOLD_DEFAULTS = {
    "delete_policy": "the deployment's",
    "max_deletes": "the larger of 50 and a tenth of what is indexed, "
    "but half of ten or more documents",
    "max_imports": "no bound",
    "max_estimated_cost": "no bound",
    "prefix": "all of the deployment's",
}
"""What None, or nothing, means in a request."""


def table_of(heading: str) -> list[str]:
    """The lines of the table under a heading."""
    if heading == REQUEST:
        rows = [
            [f"`{name}`", field.description or "", _request_default(name, field)]
            for name, field in SyncRequest.model_fields.items()
        ]
        return _lines(["Field", "Meaning", "Default"], rows)
    return _lines(["Variable", "Meaning", "Default", "Example"], list(_rows(SECTIONS[heading])))


def page(text: str) -> str:
    """The page with each table made anew."""
    lines: list[str] = []
    pending: str | None = None
    for line in text.splitlines():
        if line.startswith("#"):
            pending = line.lstrip("# ")
        if not line.startswith("|") or pending not in (*SECTIONS, REQUEST):
            lines.append(line)
            continue
        if lines[-1] == "":
            lines += table_of(pending)
        if not lines[-1].startswith("|"):
            lines.append(line)
    return "\n".join(lines) + "\n"


def declared() -> dict[str, FieldInfo]:
    """Every setting of any function, by its name."""
    return {
        **SyncSettings.model_fields,
        **StatusSettings.model_fields,
        **AskSettings.model_fields,
    }


def _rows(sections: Sequence[type[BaseModel]]) -> Iterator[list[str]]:
    for section in sections:
        for name, field in section.model_fields.items():
            marks = marks_of(field.json_schema_extra)
            example = marks["example"]
            shown = f"`{example}`" if " " not in example else example
            default = marks["told_default"] or _default(field)
            yield [f"`{name.upper()}`", field.description or "", default, shown]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True, validated_data={})
    if value in (None, "", ()):
        return "none"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    if isinstance(value, Tier):
        return f"`{value.name}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _request_default(name: str, field: FieldInfo) -> str:
    told = TOLD_DEFAULTS.get(name)
    return told or f"`{str(field.default).lower()}`"


def _lines(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
