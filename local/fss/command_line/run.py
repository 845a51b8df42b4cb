"""One run of the command: where its output goes, and which deployment it is about."""

from __future__ import annotations

from dataclasses import dataclass

import click

from local.fss.deployment.client import Deployment, TokenCommand
from local.fss.output import Output

DISPATCHER_URL = "FSS_DISPATCHER_URL"
STATUS_URL = "FSS_STATUS_URL"
ASK_URL = "FSS_ASK_URL"
TOKEN_COMMAND = "FSS_TOKEN_COMMAND"  # noqa: S105 - the name of a variable


@dataclass(slots=True)
class Run:
    """What every command is given.

    Attributes:
        output: The answer and the notes go here.
        dispatcher: The URL of the dispatcher, if it is known.
        status: The URL of the status function, if it is known.
        ask: The URL of the ask function, if it is known.
        token_command: The program that prints a bearer token, if the deployment needs one.
    """

    output: Output
    dispatcher: str | None = None
    status: str | None = None
    ask: str | None = None
    token_command: str | None = None

    def deployment(self) -> Deployment:
        """The deployment that the options, the environment or the profile name."""
        token = self.token_command and TokenCommand(self.token_command)
        return Deployment(self.dispatcher, self.status, token or None, ask=self.ask)


pass_run = click.make_pass_decorator(Run)
"""Gives a command its ``Run`` as first argument."""
