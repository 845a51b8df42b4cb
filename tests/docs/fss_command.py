"""The fss command as its program knows it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from local.fss.command_line.program import program


def commands() -> dict[str, click.Command]:
    """Return each command by name."""
    context = click.Context(program, info_name="fss")
    found = {name: program.get_command(context, name) for name in program.list_commands(context)}
    return {name: command for name, command in found.items() if command is not None}


def parse(name: str, words: Sequence[str]) -> None:
    """Read the words of a command, as the program does; raise Click's error if it can't."""
    parent = click.Context(program, info_name="fss", **program.context_settings)
    commands()[name].make_context(name, list(words), parent=parent)


def options_of_commands() -> dict[str, set[str]]:
    """Return the options of each command, but for help."""
    return {name: _options(command) for name, command in commands().items()}


def _options(command: click.Command) -> set[str]:
    given = [each for each in command.params if isinstance(each, click.Option)]
    return {name for option in given for name in option.opts}
