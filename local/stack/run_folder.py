"""The files of one run of the local stack: temporary, or kept for a later run to go on from."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.processes.ports import becomes_free, free_ports

VERSION = 1

LEAVE_TIME = 20.0
"""Seconds that the parts of a killed run may take to save what they have and end."""


class UnusableState(Exception):
    """The folder can't hold a run's state; the message says why."""


class StateInUse(Exception):
    """Another run works with this folder."""


@dataclass(slots=True)
class Memory:
    """What a later run must know of this one, in ``run.json``.

    Attributes:
        deployment: The deployment's name, part of what ties records, bucket and store together.
        real: Whether the store is one of the real service.
        ports: The port of each part, by name. Queued tasks hold URLs with those of the functions.
    """

    deployment: str
    real: bool
    ports: dict[str, int] = field(default_factory=dict)


class RunFolder:
    """A run's folder, locked while it is open.

    Args:
        state: The folder to go on with, made if missing; None takes a temporary one.
        deployment: For a new state.
        real: Whether this run uses the real service.

    Raises:
        UnusableState: There is something else in it, or another version's or service's state.
        StateInUse: Another run has it.
    """

    def __init__(self, state: Path | None, *, deployment: str, real: bool) -> None:
        self.keeps = state is not None
        self.root = state or Path(tempfile.mkdtemp(prefix="fss-"))
        self._lock: int | None = None
        if state is not None:
            self._occupy()
        try:
            self.memory = self._recall(real=real) or Memory(deployment, real)
            self.logs = self._made("logs")
            self.functions = self._made("functions", anew=True)
        except BaseException:
            self.close()
            raise

    def kept(self, name: str) -> Path | None:
        """Return the path where a part keeps its data, None if nothing is to be kept."""
        return self.root / name if self.keeps else None

    def choose_ports(self, names: Sequence[str]) -> dict[int, int]:
        """Give each part its port of the earlier run, or a new one.

        Returns:
            The ports that had to change, because another program has the old one meanwhile.
        """
        ports, moved = self.memory.ports, {}
        leaving_until = time.monotonic() + LEAVE_TIME
        taken = {
            port
            for port in ports.values()
            if not becomes_free(port, max(0.0, leaving_until - time.monotonic()))
        }
        for name, fresh in zip(names, free_ports(len(names)), strict=True):
            old = ports.get(name)
            if old is None or old in taken:
                ports[name] = fresh
            if old in taken:
                moved[old] = fresh
        self.remember()
        return moved

    def remember(self) -> None:
        """Write down what a later run must know."""
        if self.keeps:
            draft = self._record.with_suffix(".new")
            draft.write_text(json.dumps({"version": VERSION, **asdict(self.memory)}, indent=1))
            draft.replace(self._record)

    def close(self) -> None:
        """Let others have the folder; a temporary one is deleted."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if not self.keeps:
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def _record(self) -> Path:
        return self.root / "run.json"

    def _occupy(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = self.root / "lock"
            if not lock.exists() and any(self.root.iterdir()):
                raise UnusableState(
                    f"{self.root} holds other files; --state takes an empty or new folder, or that "
                    "of an earlier run"
                )
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UnusableState(f"{self.root} can't hold the state: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            self.close()
            raise StateInUse(f"{self.root} is in use by another run (process {holder})") from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _recall(self, *, real: bool) -> Memory | None:
        try:
            record = json.loads(self._record.read_bytes())
            version, memory = record.pop("version"), Memory(**record)
        except FileNotFoundError:
            return None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnusableState(f"{self._record} is damaged: {error}") from error
        if version != VERSION:
            raise UnusableState(f"{self.root} is the state of another version of this program")
        if memory.real and not real:
            raise UnusableState(f"{self.root} is the state of the real service: give --real too")
        if real and not memory.real:
            raise UnusableState(f"{self.root} is the state of a simulated service, not a real one")
        return memory

    def _made(self, name: str, *, anew: bool = False) -> Path:
        path = self.root / name
        if anew:
            shutil.rmtree(path, ignore_errors=True)
        path.mkdir(exist_ok=True)
        return path
