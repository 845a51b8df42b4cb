"""Applies until it works: a new project's services and grants take some minutes to hold."""

from __future__ import annotations

from local.rehearsal.programs import Command, CommandFailed, Programs
from local.rehearsal.step import Findings

MOST_APPLIES = 3


def applied(command: Command, programs: Programs, findings: Findings) -> None:
    """Apply, at most three times, and check that once was enough.

    Raises:
        CommandFailed: The last one failed too.
    """
    tries = 0
    while True:
        tries += 1
        try:
            programs.run(command)
            break
        except CommandFailed as error:
            if tries == MOST_APPLIES:
                raise
            findings.say(f"{error}\nTerraform applies again.")
    findings.check("one apply was enough", tries == 1, f"it took {tries}" if tries > 1 else "")
