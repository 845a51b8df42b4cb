"""One run of the command: where its output goes, and which deployment it is about."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from local.fss.deployment.outcome import Exit, Failure
from local.fss.deployment.profile import Profile, found_profiles
from local.fss.output import Output

if TYPE_CHECKING:
    from local.fss.deployment.client import Deployment

VARIABLES: Final = {
    "dispatcher": "FSS_DISPATCHER_URL",
    "status": "FSS_STATUS_URL",
    "ask": "FSS_ASK_URL",
    "token_command": "FSS_TOKEN_COMMAND",
}
"""The environment variable for each part of a profile that has one."""

PROFILE: Final = "FSS_PROFILE"


@dataclass(slots=True)
class Run:
    """What every command is given.

    Attributes:
        output: The answer and the notes go here.
        profile: The name of the profile that was asked for.
        dispatcher, status, ask, token_command: What the command line or the environment says of
            the deployment; it wins over the profile.
    """

    output: Output
    profile: str | None = None
    dispatcher: str | None = None
    status: str | None = None
    ask: str | None = None
    token_command: str | None = None

    @property
    def called(self) -> str:
        """How to call the command for the same deployment."""
        return f"fss --profile {self.profile}" if self.profile else "fss"

    def place(self) -> Profile:
        """The deployment that the options, the environment and then the profile name.

        Raises:
            Failure: There is no profile of that name, or there are several and no default.
        """
        given = {name: value for name in VARIABLES if (value := getattr(self, name))}
        if not self.profile and {"dispatcher", "status"} <= given.keys():
            return Profile(**given)
        profiles = found_profiles(Path.cwd())
        name = self.profile or profiles.usual
        if name is None:
            if profiles.known and not given:
                raise Failure(
                    Exit.USAGE,
                    f"{profiles.path} has no default: name a profile with --profile: "
                    f"{', '.join(profiles.known)}",
                )
            return Profile(**given)
        profile = profiles.named(name)
        if self.profile:
            self._tell_of_other_values(profile, given)
        kept = {each.name: getattr(profile, each.name) for each in fields(profile)}
        return Profile(**{**kept, **given})

    def deployment(self) -> Deployment:
        """A client of the deployment."""
        from local.fss.deployment.client import Deployment  # noqa: PLC0415 - no help needs HTTP
        from local.fss.deployment.token import TokenCommand  # noqa: PLC0415

        place = self.place()
        token = place.token_command and TokenCommand(place.token_command)
        return Deployment(place.dispatcher, place.status, token or None, ask=place.ask)

    def _tell_of_other_values(self, profile: Profile, given: dict[str, str]) -> None:
        """Say which values of a profile that was asked for are not the ones that are used."""
        for name, value in given.items():
            if getattr(profile, name) != value:
                said = f"{VARIABLES[name]} or its option wins over profile {self.profile}: {value}"
                self.output.note(f"fss: {said}")


pass_run = click.make_pass_decorator(Run)
"""Gives a command its ``Run`` as first argument."""
