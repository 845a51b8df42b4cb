"""Profiles: the deployments that a file called fss.toml names.

The file is looked for in the current folder and those above it. It may hold a command that prints
a token, so a file that somebody else could have written is refused.
"""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from local.fss.deployment.outcome import Exit, Failure
from local.printable import printable

FILE: Final = "fss.toml"

_DEFAULT: Final = "default"
_PROFILES: Final = "profiles"


@dataclass(frozen=True, slots=True)
class Profile:
    """One deployment.

    Attributes:
        dispatcher: URL of the dispatcher.
        status: URL of the status function.
        ask: URL of the ask function.
        token_command: Program that prints a bearer token.
        project: The project, for its log.
    """

    dispatcher: str | None = None
    status: str | None = None
    ask: str | None = None
    token_command: str | None = None
    project: str | None = None


KEYS: Final = tuple(each.name for each in fields(Profile))


@dataclass(frozen=True, slots=True)
class Profiles:
    """What an fss.toml says.

    Attributes:
        path: The file; None if there is none.
        known: The profiles by name.
        default: The name of the one that is used unless another is asked for.
    """

    path: Path | None = None
    known: dict[str, Profile] = field(default_factory=dict)
    default: str | None = None

    def named(self, name: str) -> Profile:
        """The profile of that name.

        Raises:
            Failure: There is none.
        """
        if name in self.known:
            return self.known[name]
        if self.path is None:
            raise Failure(
                Exit.USAGE,
                f"there is no {FILE} here or above, so no profile {name!r}; fss init makes one",
            )
        there = ", ".join(self.known) or "none"
        raise Failure(Exit.USAGE, f"{self.path} has no profile {name!r}; it has {there}")

    @property
    def usual(self) -> str | None:
        """The name of the profile that is used if none is asked for: the default, or the only."""
        return self.default or (next(iter(self.known)) if len(self.known) == 1 else None)


def found_profiles(folder: Path) -> Profiles:
    """What the fss.toml of a folder, or the next above it, says; nothing if there is none.

    Raises:
        Failure: The file can't be read, is malformed, or somebody else may write it.
    """
    for each in (folder, *folder.parents):
        path = each / FILE
        if path.is_file():
            return read_profiles(path)
    return Profiles()


def read_profiles(path: Path) -> Profiles:
    """What an fss.toml says.

    Raises:
        Failure: See ``found_profiles``.
    """
    try:
        _refuse_of_others(path)
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Failure(Exit.USAGE, f"{path} can't be read: {error.strerror}") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise Failure(Exit.USAGE, f"{path} is no TOML: {printable(str(error))}") from error
    return _checked(path, content)


def _refuse_of_others(path: Path) -> None:
    status = path.stat()
    if status.st_uid not in (os.getuid(), 0) or stat.S_IMODE(status.st_mode) & 0o022:
        raise Failure(
            Exit.USAGE,
            f"{path} may be written by others, and could run any command here: "
            f"chmod go-w it if it is yours",
        )


def _checked(path: Path, content: dict[str, Any]) -> Profiles:
    _refuse_unknown(path, content, (_DEFAULT, _PROFILES), "")
    tables, default = content.get(_PROFILES, {}), content.get(_DEFAULT)
    if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
        raise Failure(Exit.USAGE, f"{path}: write each profile as [profiles.NAME]")
    for name, table in tables.items():
        _refuse_unknown(path, table, KEYS, f" of profile {name!r}")
        for key, value in table.items():
            if not isinstance(value, str) or not value:
                raise Failure(Exit.USAGE, f"{path}: {key} of profile {name!r} must be a text")
    known = {name: Profile(**table) for name, table in tables.items()}
    if default is not None and default not in known:
        there = ", ".join(known) or "none"
        raise Failure(Exit.USAGE, f"{path}: default is {default!r}; the profiles are {there}")
    return Profiles(path, known, default)


def _refuse_unknown(path: Path, table: dict[str, Any], keys: tuple[str, ...], of: str) -> None:
    for key in table:
        if key not in keys:
            near = get_close_matches(key, keys, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"it may have {', '.join(keys)}"
            raise Failure(Exit.USAGE, f"{path}: unknown key {key!r}{of}; {hint}")
