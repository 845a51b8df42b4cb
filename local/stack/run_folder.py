"""The files of one run of the local stack: temporary, or kept for a later run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.processes.ports import becomes_free, free_ports

VERSION = 1

LEAVE_TIME = 20.0
"""Seconds that the parts of a killed run may take to save their data and end."""


PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
_OTHERS = 0o077


class UnusableState(Exception):
    """The folder can't be used for a run's state; the message says why."""


class StateInUse(Exception):
    """Another run is using this folder."""


@dataclass(slots=True)
class RunRecord:
    """What a later run needs to know about this one; kept in ``run.json``.

    Attributes:
        deployment: The deployment's name, which records, bucket and store share.
        real: Whether the store is in the real service.
        ports: The port of each part, by name. Queued tasks hold URLs with the functions' ports.
    """

    deployment: str
    real: bool
    ports: dict[str, int] = field(default_factory=dict)


class RunFolder:
    """A run's folder, locked while it is open, which only its owner may enter.

    Args:
        state: The folder to use, created if missing; None uses a temporary one.
        deployment: The deployment's name, for a new state.
        real: Whether this run uses the real service.

    Raises:
        UnusableState: The folder holds other files, or the state of another version or service.
        StateInUse: Another run is using the folder.
    """

    def __init__(self, state: Path | None, *, deployment: str, real: bool) -> None:
        self.keeps = state is not None
        self.root = state or Path(tempfile.mkdtemp(prefix="fss-"))
        self._lock: int | None = None
        if state is not None:
            self._lock_folder()
        try:
            self.record = self._read_record(real=real) or RunRecord(deployment, real)
            self.logs = self._made("logs")
            self.functions = self._made("functions", anew=True)
        except BaseException:
            self.close()
            raise

    def kept(self, name: str) -> Path | None:
        """Return the path where a part keeps its data; None for a temporary folder."""
        return self.root / name if self.keeps else None

    def choose_ports(self, names: Sequence[str]) -> dict[int, int]:
        """Give each part its port from the earlier run, or a new one.

        Returns:
            The new port for each old port that another program now uses.
        """
        ports, moved = self.record.ports, {}
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
        self.save_record()
        return moved

    def save_record(self) -> None:
        """Save what a later run needs to know."""
        if self.keeps:
            draft = self._record_path.with_suffix(".new")
            draft.touch(PRIVATE_FILE)
            draft.write_text(json.dumps({"version": VERSION, **asdict(self.record)}, indent=1))
            draft.replace(self._record_path)

    def close(self) -> None:
        """Unlock the folder; delete it if it is temporary."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        if not self.keeps:
            shutil.rmtree(self.root, ignore_errors=True)

    @property
    def _record_path(self) -> Path:
        return self.root / "run.json"

    def _lock_folder(self) -> None:
        try:
            self.root.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            lock = self.root / "lock"
            if not lock.exists() and any(self.root.iterdir()):
                raise UnusableState(
                    f"{self.root} holds other files; --state takes a new or empty folder, or the "
                    "state of an earlier run"
                )
            self._lock = os.open(lock, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
            self._make_private()
        except OSError as error:
            raise self._unusable(error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 32, 0).decode(errors="replace").strip()
            self.close()
            raise StateInUse(f"{self.root} is in use by another run (process {holder})") from None
        os.ftruncate(self._lock, 0)
        try:
            os.pwrite(self._lock, str(os.getpid()).encode(), 0)
        except OSError as error:
            self.close()
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> UnusableState:
        return UnusableState(f"{self.root} can't be used for the state: {error.strerror}")

    def _make_private(self) -> None:
        """Take from others what an earlier run or its user let them do, here and in all below."""
        if not stat.S_IMODE(self.root.stat().st_mode) & _OTHERS:
            return
        self.root.chmod(PRIVATE_FOLDER)
        for folder, _, names in os.walk(self.root):
            for path in (Path(folder), *(Path(folder, name) for name in names)):
                status = path.lstat()
                if not stat.S_ISLNK(status.st_mode):
                    path.chmod(stat.S_IMODE(status.st_mode) & ~_OTHERS)

    def _read_record(self, *, real: bool) -> RunRecord | None:
        try:
            fields = json.loads(self._record_path.read_bytes())
            version, record = fields.pop("version"), RunRecord(**fields)
        except FileNotFoundError:
            return None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnusableState(f"{self._record_path} is damaged: {error}") from error
        if version != VERSION:
            raise UnusableState(f"{self.root} is the state of another version of this program")
        if record.real and not real:
            raise UnusableState(f"{self.root} is the state of the real service: add --real")
        if real and not record.real:
            raise UnusableState(f"{self.root} is the state of a simulated service, not a real one")
        return record

    def _made(self, name: str, *, anew: bool = False) -> Path:
        path = self.root / name
        if anew:
            shutil.rmtree(path, ignore_errors=True)
        path.mkdir(PRIVATE_FOLDER, exist_ok=True)
        return path
