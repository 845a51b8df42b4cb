"""A command whose help has sections of options, and examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import click

from local.fss.command_line.catalogue import COMMANDS

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

OPTIONS = "Options"

COLUMN = 30
"""Columns of the options' names at most; in a narrow terminal a quarter of it, for the text."""


class Option(click.Option):
    """An option that the help lists in a section of its own.

    Args:
        section: The title of the section.
    """

    def __init__(self, *args: Any, section: str = OPTIONS, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **settings)
        self.section = section


class Command(click.Command):
    """A command whose help lists its options by section, then its examples.

    Args:
        examples: Whole command lines.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - as Click declares them
        examples: Sequence[str] = (),
        **settings: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section of options, those of no section last."""
        sections: dict[str, list[tuple[str, str]]] = {}
        rest: list[tuple[str, str]] = []
        for each in self.get_params(ctx):
            record = each.get_help_record(ctx)
            if record is None or isinstance(each, click.Argument):  # Click lists arguments before
                continue
            section = each.section if isinstance(each, Option) else OPTIONS
            (rest if section == OPTIONS else sections.setdefault(section, [])).append(record)
        for title, records in (*sections.items(), (OPTIONS, rest)):
            with formatter.section(title):
                formatter.write_dl(records, col_max=min(COLUMN, formatter.width // 4))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


def option(
    *names: str,
    section: str = OPTIONS,
    **settings: Any,  # noqa: ANN401 - as Click declares them
) -> Callable[[Decorated], Decorated]:
    """As ``click.option``, with the section of the help that lists it."""
    return click.option(*names, cls=partial(Option, section=section), **settings)  # type: ignore[arg-type]


def command(*, examples: Sequence[str] = ()) -> Callable[[Callable[..., Any]], Command]:
    """As ``click.command``: the function's name and docstring are those of the command.

    Its line in a list of commands is that of the catalogue.
    """

    def decorate(function: Callable[..., Any]) -> Command:
        name = function.__name__.rstrip("_").replace("_", "-")
        made = click.command(
            name, cls=Command, examples=examples, short_help=COMMANDS[name].summary
        )(as_json_option(function))
        assert isinstance(made, Command)  # noqa: S101 - tells mypy what cls gives
        return made

    return decorate


as_json_option = option(
    "--json",
    "as_json",
    is_flag=True,
    expose_value=False,
    help="Print one JSON object on stdout, and all else on stderr.",
)
"""Shown by each command; ``Run`` knows whether it was given, since errors are JSON then too."""
