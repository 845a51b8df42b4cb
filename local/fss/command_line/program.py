"""The program `fss`: finds the command, reads its options, and runs it."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, shell_complete

from local.fss.command_line.catalogue import CATALOGUE, COMMANDS
from local.fss.command_line.options import profile_option
from local.fss.command_line.run import Run
from local.fss.deployment.outcome import Exit, Failure

_CONTEXT = {"help_option_names": ["-h", "--help"], "show_default": True}

WIDEST = 100
"""Columns of a help at most."""

_MARGIN = 2

_EXIT_CODES = """\
Exit codes: 0 in step; 1 finished, but files failed or are left for a later run; 2 usage error;
3 refused by a guard, or another run is in progress; 4 could not run; 130 interrupted.
"""

COMPLETE = "_FSS_COMPLETE"
"""The environment variable with which a shell asks for completions."""

_EXTRA = "file-search-sync[local]"


class Program(click.Group):
    """The list of commands, each imported when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - Click's
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is no such.

        Raises:
            Failure: A library that it needs is not installed.
        """
        if cmd_name not in COMMANDS:
            return None
        try:
            module = importlib.import_module(f"local.fss.commands.{COMMANDS[cmd_name].module}")
        except ModuleNotFoundError as missing:
            raise not_installed(cmd_name, missing) from missing
        found = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(found, click.Command)  # noqa: S101 - what every module of commands holds
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As Click does it; the commands that it proposes for an unknown one are all there are."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as unknown:
            raise click.NoSuchCommand(
                unknown.command_name, possibilities=COMMANDS, ctx=ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands by section."""
        width = max(map(len, COMMANDS))
        for title, listed in CATALOGUE.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), each.summary) for name, each in listed.items()]
                )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the exit codes."""
        formatter.write_paragraph()
        formatter.write_text(_EXIT_CODES)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command without importing any."""
        names = [name for name in COMMANDS if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=COMMANDS[name].summary) for name in names]
        return commands + click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=Program, name="fss", context_settings=_CONTEXT, subcommand_metavar="COMMAND ...")
@profile_option
@click.version_option(message="%(version)s", package_name="file-search-sync")
def program() -> None:
    """Keep a Gemini File Search store in step with a folder or a bucket."""


def run_command(words: Sequence[str], run: Run) -> Exit:
    """Run a command line.

    Raises:
        Failure: The command can't be read, or can't do what it should.
    """
    if (asked := os.environ.get(COMPLETE)) is not None:
        return Exit(shell_complete(program, {}, "fss", COMPLETE, asked))
    try:
        # Not ``main``, which makes another exception of an interruption.
        with program.make_context("fss", list(words), obj=run, terminal_width=_width()) as context:
            done = program.invoke(context)
    except click.exceptions.Exit as answered:
        return Exit(answered.exit_code)  # help, for one
    except click.exceptions.NoArgsIsHelpError as no_command:
        run.output.note(no_command.format_message())
        raise Failure(Exit.USAGE, "name a command, such as fss status") from None
    except click.UsageError as problem:
        raise _usage(problem) from None
    return Exit(done)


def _width() -> int:
    """Columns of a help: Click's own choice has 50 at least, however narrow the terminal is."""
    return min(shutil.get_terminal_size().columns, WIDEST) - _MARGIN


def not_installed(command: str, missing: ModuleNotFoundError) -> Failure:
    """What to say if a library is missing; an error of the program itself if it is one of ours."""
    root = (missing.name or "").partition(".")[0]
    if root in {"", "local", "shared", "functions"}:
        raise missing
    return Failure(
        Exit.COULD_NOT_RUN,
        f"fss {command} needs {root}, which is not installed; for what runs on this machine: "
        f"pipx install '{_EXTRA}', or pip install '{_EXTRA}'",
    )


def _usage(problem: click.UsageError) -> Failure:
    """Return what is wrong, with the usage of the command that was meant."""
    text = problem.format_message().rstrip(".")
    if problem.ctx is None:
        return Failure(Exit.USAGE, text)
    usage = " ".join(problem.ctx.get_usage().split())
    return Failure(Exit.USAGE, text, usage=f"{usage} ({problem.ctx.command_path} --help)")
