"""A terminal of any size, in which a test runs the command as a person would."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pyte

from tests.local.fss.command import FSS, ROOT
from tests.patience import PATIENCE


class Terminal:
    """A screen, and the keyboard of the program that draws it."""

    def __init__(self, process: subprocess.Popen[bytes], keyboard: int, width: int) -> None:
        self.process = process
        self._keyboard = keyboard
        self._screen = pyte.Screen(width, 24)
        self._stream = pyte.ByteStream(self._screen)

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without empty lines."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def shows(self, seen: Callable[[list[str]], bool]) -> list[str]:
        """Wait until the screen is as it should be, and return it."""
        deadline = time.monotonic() + PATIENCE
        while not seen(self.lines):
            assert time.monotonic() < deadline, self.lines
            if select.select([self._keyboard], [], [], 1)[0]:
                try:
                    self._stream.feed(os.read(self._keyboard, 65_536))
                except OSError:  # the program has ended
                    assert seen(self.lines), self.lines
        return self.lines

    def types(self, text: str) -> None:
        """Type a text."""
        os.write(self._keyboard, text.encode())

    def presses_ctrl_c(self) -> None:
        """Interrupt the program, as the terminal does for Ctrl-C."""
        self.types("\x03")

    def ends(self) -> int:
        """Read what else it prints, and return its exit code."""
        try:
            while select.select([self._keyboard], [], [], PATIENCE)[0]:
                self._stream.feed(os.read(self._keyboard, 65_536))
        except OSError:
            pass
        return self.process.wait(PATIENCE)


@contextmanager
def terminal(*words: str, width: int, variables: Mapping[str, str]) -> Iterator[Terminal]:
    """Run ``fss`` in a terminal with so many columns."""
    keyboard, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        [*FSS, *words], cwd=ROOT, env={**environment, **variables},
        stdin=screen, stdout=screen, stderr=screen,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - takes no lock
    )  # fmt: skip
    os.close(screen)
    try:
        yield Terminal(process, keyboard, width)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(keyboard)
