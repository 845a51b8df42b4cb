"""The bearer token that goes with a call, as a program prints it."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from typing import Final

from local.fss.deployment.outcome import Exit, Failure
from local.printable import printable

AUDIENCE: Final = "{audience}"
"""Stands in the command for the URL of the function that is called."""

EXAMPLE: Final = "gcloud auth print-identity-token"


@dataclass(frozen=True, slots=True)
class TokenCommand:
    """A program that prints a bearer token, such as ``gcloud auth print-identity-token``."""

    line: str

    def run(self, audience: str = "") -> str:
        """Run the program and return the token.

        Args:
            audience: The URL of the function, which stands for ``{audience}`` in the command.

        Raises:
            Failure: The program can't be run, says that it failed, or prints no token.
        """
        try:
            words = [word.replace(AUDIENCE, audience) for word in shlex.split(self.line)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
        except (OSError, ValueError, IndexError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error) or "it is empty"
            raise Failure(
                Exit.USAGE, f"--token-command {self.line!r} can't be run: {why}"
            ) from error
        except subprocess.CalledProcessError as error:
            said = (error.stderr.strip() or f"exit status {error.returncode}").splitlines()[-1]
            raise Failure(
                Exit.COULD_NOT_RUN, f"--token-command {self.line!r} failed: {printable(said)}"
            ) from error
        token = done.stdout.strip()
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            what = "something else than a token" if token else "no token"
            raise Failure(
                Exit.COULD_NOT_RUN,
                f"--token-command {self.line!r} printed {what}; try it in a shell: {EXAMPLE}",
            )
        return token


class Tokens:
    """The tokens of a deployment's functions, each kept until it is refused.

    Args:
        command: The program that prints them; None if the functions need none.
    """

    def __init__(self, command: TokenCommand | None) -> None:
        self._command = command
        self._kept: dict[str, str] = {}

    def __bool__(self) -> bool:
        """Whether calls need a token."""
        return self._command is not None

    def token(self, url: str) -> tuple[str, bool]:
        """Return the token for a function, and whether it is one of an earlier call."""
        if self._command is None:
            return "", False
        audience = url if AUDIENCE in self._command.line else ""
        was_kept = audience in self._kept
        if not was_kept:
            self._kept[audience] = self._command.run(audience)
        return self._kept[audience], was_kept

    def forget(self) -> None:
        """Fetch new tokens for the calls to come."""
        self._kept.clear()
