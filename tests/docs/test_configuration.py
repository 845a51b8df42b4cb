"""docs/configuration.md lists exactly the variables, fields and options there are."""

from __future__ import annotations

from collections import defaultdict

from shared.config import SyncSettings
from shared.domain.deployment.settings import marks_of
from tests.docs import configuration_tables
from tests.docs.fss_command import options_of_commands
from tests.docs.markdown import Page, code

PAGE = Page.read("docs/configuration.md")


def test_the_tables_are_those_that_the_declarations_make() -> None:
    """Where they aren't: make docs."""
    assert configuration_tables.page(PAGE.whole) == PAGE.whole


def test_every_setting_is_in_one_table() -> None:
    shown = [
        name
        for sections in configuration_tables.SECTIONS.values()
        for section in sections
        for name in section.model_fields
    ]
    assert sorted(shown) == sorted(configuration_tables.declared())


def test_every_setting_says_what_it_means() -> None:
    assert [
        name for name, field in configuration_tables.declared().items() if not field.description
    ] == []


def test_every_example_of_a_variable_is_accepted() -> None:
    examples = {
        name.upper(): marks_of(field.json_schema_extra)["example"]
        for name, field in configuration_tables.declared().items()
    }
    SyncSettings.from_environment({**examples, "GEMINI_API_KEY": "key"}).rules()


def test_every_option_is_listed_with_the_commands_that_take_it() -> None:
    commands = options_of_commands()
    taken: dict[str, set[str]] = defaultdict(set)
    for command, options in commands.items():
        for option in options:
            taken[option].add(command)
    listed = {
        code(row[0])[0]: _meant(row[1], set(commands)) for row in PAGE.table("## The fss command")
    }
    assert listed == taken


def _meant(text: str, every: set[str]) -> set[str]:
    """The commands that a cell names: "all", "all but a, b", or a list."""
    if text == "all":
        return every
    if text.startswith("all but "):
        return every - set(text.removeprefix("all but ").split(", "))
    return set(text.split(", "))
