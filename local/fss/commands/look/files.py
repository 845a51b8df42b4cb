"""The commands that show files: `failures` and `file`."""

from __future__ import annotations

import click

from local.fss.command_line.command import command
from local.fss.command_line.options import deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.outcome import Exit
from local.fss.report.one_file import file_lines
from local.fss.report.summary import failure_lines


@command(examples=("fss failures", "fss failures --json"))
@deployment_options
@pass_run
def failures(run: Run) -> Exit:
    """List the files that failed, with the reason and what to do.

    The exit code is 1 if there is any.
    """
    failed = list(run.deployment().failures())
    text = "\n".join(failure_lines(failed, shown=len(failed))) or "No file has failed."
    run.output.answer({"failures": failed}, text)
    return Exit.NOT_IN_STEP if failed else Exit.IN_STEP


@command(examples=("fss file reports/2026/week-1.pdf",))
@click.argument("path", help="The object's whole name in the bucket.")
@deployment_options
@pass_run
def file(run: Run, path: str) -> Exit:
    """Show one file's journey: its state, its latest imports and what they cost.

    The exit code is 1 if it has failed.
    """
    answer = run.deployment().file(path)
    run.output.answer(answer, "\n".join(file_lines(answer)))
    return Exit.NOT_IN_STEP if answer["files"][0]["status"] == "failed" else Exit.IN_STEP
