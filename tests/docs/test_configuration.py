"""docs/configuration.md lists exactly the variables, fields and options there are."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from shared.config import CommonSettings, SyncSettings
from shared.domain.throttle.tiers import Tier
from shared.http import SyncBody
from tests.docs.command import options_of_commands
from tests.docs.markdown import Page, code, first_codes

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

PAGE = Page.read("docs/configuration.md")
COMMON = "## What every function needs"
SYNC = (
    "### Where things are",
    "### Gemini and the store",
    "### Which files, and what is said of them",
    "### How fast, and how long",
)

TOLD_OTHERWISE = {
    "STORE_DISPLAY_NAME": "`file-search-sync <DEPLOYMENT>`",
    "MAX_IMPORTS_IN_PROGRESS": "the tier's",
}
"""Defaults that depend on another setting."""


def rows(*headings: str) -> list[list[str]]:
    return [row for heading in headings for row in PAGE.table(heading)]


def default_of(field: FieldInfo) -> str:
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


def test_every_variable_of_every_function_is_listed_once() -> None:
    listed = first_codes(rows(COMMON))
    assert sorted(listed) == sorted(name.upper() for name in CommonSettings.model_fields)


def test_every_variable_of_the_functions_that_sync_is_listed_once() -> None:
    own = SyncSettings.model_fields.keys() - CommonSettings.model_fields.keys()
    assert sorted(first_codes(rows(*SYNC))) == sorted(name.upper() for name in own)


@pytest.mark.parametrize("name", sorted(SyncSettings.model_fields))
def test_the_default_of_a_variable_is_the_one_listed(name: str) -> None:
    listed = {code(row[0])[0]: row[2] for row in rows(COMMON, *SYNC)}
    variable = name.upper()
    expected = default_of(SyncSettings.model_fields[name])
    assert listed[variable] == TOLD_OTHERWISE.get(variable, expected)


def test_every_example_of_a_variable_is_accepted_and_makes_rules() -> None:
    examples = {code(row[0])[0]: code(row[3]) for row in rows(COMMON, *SYNC)}
    values = {name: shown[0] for name, shown in examples.items() if shown}
    settings = SyncSettings.from_environment({"GEMINI_API_KEY": "a key", **values})
    assert {name.upper() for name in settings.model_fields_set} == {"GEMINI_API_KEY", *values}
    assert settings.rules().bucket == values["BUCKET"]


def test_every_field_of_a_sync_request_is_listed_once() -> None:
    listed = first_codes(rows("## What a sync can be asked for"))
    assert sorted(listed) == sorted(SyncBody.model_fields)


def test_every_option_is_listed_with_the_commands_that_take_it() -> None:
    commands = options_of_commands()
    taken: dict[str, set[str]] = defaultdict(set)
    for command, options in commands.items():
        for option in options:
            taken[option].add(command)
    listed = {
        code(row[0])[0]: set(commands) if row[1] == "all" else set(row[1].split(", "))
        for row in rows("## The fss command")
    }
    assert listed == taken
