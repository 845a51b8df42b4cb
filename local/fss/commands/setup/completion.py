"""The command `completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from local.fss.command_line.command import command
from local.fss.command_line.program import COMPLETE, program
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.outcome import Exit


@command(
    examples=(
        'eval "$(fss completion bash)"    # in ~/.bashrc',
        'eval "$(fss completion zsh)"     # in ~/.zshrc',
        "fss completion fish | source     # in ~/.config/fish/config.fish",
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_run
def completion(run: Run, shell: str) -> Exit:
    """Print what completes the command in a shell."""
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - Click has all three
    script = kind(program, {}, "fss", COMPLETE).source()
    run.output.answer({"script": script}, script)
    return Exit.IN_STEP
