"""The fss command as its parser knows it."""

from __future__ import annotations

import argparse

from local.fss import arguments


def options_of_commands() -> dict[str, set[str]]:
    """Return the options of each subcommand, but for help."""
    for action in arguments._parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return {name: _options(parser) for name, parser in action.choices.items()}
    raise AssertionError("fss has no commands")


def _options(parser: argparse.ArgumentParser) -> set[str]:
    options = {option for action in parser._actions for option in action.option_strings}
    return options - {"-h", "--help"}
