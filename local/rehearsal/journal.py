"""What a rehearsal has done so far, kept in a file, so that an interrupted one can go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.rehearsal.step import Result

VERSION = 1


class UnusableJournal(Exception):
    """The file is damaged, or of another version; the message says so."""


class Journal:
    """The results of the steps, and the values that later steps need.

    Args:
        path: The file; None keeps nothing.

    Raises:
        UnusableJournal: The file can't be read.

    Attributes:
        memory: Values of steps for later ones, as JSON.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._results: dict[str, Result] = {}
        self.memory: dict[str, Any] = {}
        if path is not None and path.exists():
            self._read(path)

    @property
    def has_begun(self) -> bool:
        """Whether a step was played, or begun, before."""
        return bool(self._results)

    def result(self, step: str) -> Result | None:
        """Return what is known of a step; None if it was not begun."""
        return self._results.get(step)

    def note(self, step: str, result: Result) -> None:
        """Keep a step's result."""
        self._results[step] = result
        self.save()

    def results(self) -> Iterator[tuple[str, Result]]:
        """Yield each step's name and result, in the order in which they were begun."""
        yield from self._results.items()

    def save(self) -> None:
        """Write the file; it is replaced as a whole."""
        if self._path is None:
            return
        content = {
            "version": VERSION,
            "memory": self.memory,
            "steps": {name: result.as_json() for name, result in self._results.items()},
        }
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, ensure_ascii=False, default=_value)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)

    def forget(self) -> None:
        """Delete the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def put_away(self) -> Path | None:
        """Rename the file, so that the next rehearsal begins anew; return its new name."""
        if self._path is None or not self._path.exists():
            return None
        number = 1
        while (kept := self._path.with_name(f"{self._path.stem}-{number}.json")).exists():
            number += 1
        return self._path.rename(kept)

    def _read(self, path: Path) -> None:
        try:
            content = json.loads(path.read_bytes())
            if content["version"] != VERSION:
                raise UnusableJournal(f"{path} is of another version of the rehearsal")
            self.memory = content["memory"]
            self._results = {
                name: Result.from_json(each) for name, each in content["steps"].items()
            }
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnusableJournal(f"{path} is damaged: {error!r}") from error


def _value(enum: Any) -> object:  # noqa: ANN401 - what json can't write
    """Return the value of an enum."""
    return enum.value
