"""The command `ask`."""

from __future__ import annotations

import click

from local.fss.command_line.command import command, option
from local.fss.command_line.options import ask_option, deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.outcome import Exit, Failure
from local.fss.report.answer import answer_text


@command(
    examples=(
        'fss ask "In which year did the lighthouse get electric lights?"',
        """fss ask "Which knots are there?" --filter 'year>=2024 AND category="crafts"'""",
    )
)
@click.argument("question", help="The question, in any language.")
@option(
    "--filter",
    "metadata_filter",
    metavar="F",
    help="""Search only documents whose metadata match, as in 'year=2025 AND topic="x"'.""",
)
@option("--model", metavar="M", help="The model that answers; default: the deployment's.")
@ask_option
@deployment_options
@pass_run
def ask(run: Run, question: str, metadata_filter: str | None, model: str | None) -> Exit:
    """Ask the store a question; the answer names its sources."""
    if not question.strip():
        raise Failure(Exit.USAGE, "the question is empty")
    chosen = {"question": question, "filter": metadata_filter, "model": model}
    told = run.deployment().ask({name: value for name, value in chosen.items() if value})
    run.output.answer(told, answer_text(told))
    return Exit.IN_STEP
