"""Runs gcloud and terraform, without a shell, and keeps everything they print."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TAIL = 20
"""How many lines of a failed command's output its error shows."""

_HIDDEN = "[not shown]"


class CommandFailed(Exception):
    """A command ended with an error; the message has the command and the end of its output.

    Args:
        command: The command.
        code: Its exit status.
        output: What it printed to both streams.
    """

    def __init__(self, command: Command, code: int, output: str) -> None:
        lines = output.strip().splitlines()
        tail = "\n".join(f"    {line}" for line in lines[-TAIL:])
        super().__init__(f"{command} ended with exit status {code}\n{tail}".rstrip())
        self.code = code
        self.output = output


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments.

    Attributes:
        argv: The program and its arguments. None is a secret: others can read them in the list of
            processes.
        is_secret: Whether its answer is a secret, such as a token; it is written nowhere then.
    """

    argv: tuple[str, ...]
    is_secret: bool = False

    @property
    def program(self) -> str:
        """The program's name."""
        return self.argv[0]

    @property
    def words(self) -> tuple[str, ...]:
        """The words that are no flags: subcommands and arguments."""
        return tuple(word for word in self.argv[1:] if not word.startswith("-"))

    @property
    def kind(self) -> tuple[object, ...]:
        """What commands that differ in values alone have in common."""
        return self.program, self.words[:2], frozenset(self.flags)

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags, without their values."""
        return tuple(word.partition("=")[0] for word in self.argv if word.startswith("-"))

    @property
    def line(self) -> str:
        """The command as a person would type it."""
        return shlex.join(self.argv)

    def __str__(self) -> str:
        return self.line


def gcloud(*words: str, is_secret: bool = False) -> Command:
    """A gcloud command that asks nothing: a question would wait for an answer unseen."""
    return Command(("gcloud", *words, "--quiet"), is_secret)


class UndeclaredCommand(Exception):
    """A step runs a command that no step declares: a mistake in this project."""


class Programs:
    """Runs commands, but none that is not allowed.

    An interruption is handed on to the command once, and its end is awaited: Terraform then saves
    its state and unlocks it.

    Args:
        log: The file that gets each command and its output.
        environment: The environment variables of the commands.
    """

    def __init__(self, log: Path, environment: Mapping[str, str] = os.environ) -> None:
        self._log = log
        self._environment = dict(environment)
        self._allowed: set[object] = set()

    def allow(self, commands: Iterable[Command]) -> None:
        """Allow commands, with whatever values."""
        self._allowed |= {command.kind for command in commands}

    def run(
        self,
        command: Command,
        *,
        given: str | None = None,
        accepted: Sequence[int] = (0,),
    ) -> str:
        """Run a command and return what it printed to its standard output.

        Args:
            command: The command.
            given: What it reads from its standard input; may be a secret.
            accepted: The exit statuses that are no error.

        Raises:
            CommandFailed: It ended with another exit status.
            UndeclaredCommand: It is not allowed.
        """
        return self.outcome(command, given=given, accepted=accepted)[1]

    def outcome(
        self,
        command: Command,
        *,
        given: str | None = None,
        accepted: Sequence[int] = (0,),
    ) -> tuple[int, str]:
        """Run a command; return its exit status and its standard output. Raises as `run` does."""
        if command.kind not in self._allowed:
            raise UndeclaredCommand(str(command))
        try:
            process = subprocess.Popen(
                command.argv,
                stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=self._environment,
                start_new_session=True,  # Ctrl-C reaches it once, through this process
            )
        except OSError as error:
            raise CommandFailed(command, 127, f"it could not be started: {error}") from error
        try:
            stdout, stderr = process.communicate(given)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate()
            self._write(command, process.returncode, stdout, stderr)
            raise
        self._write(command, process.returncode, stdout, stderr)
        if process.returncode not in accepted:
            said = stderr if command.is_secret else f"{stdout}\n{stderr}"
            raise CommandFailed(command, process.returncode, said)
        return process.returncode, stdout

    def _write(self, command: Command, code: int, stdout: str, stderr: str) -> None:
        shown = _HIDDEN if command.is_secret else stdout
        with self._log.open("a", encoding="utf-8") as log:
            log.write(f"$ {command}\n{shown}\n{stderr}\n(exit status {code})\n\n")
