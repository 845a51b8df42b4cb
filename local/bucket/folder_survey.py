"""Finds the files of a folder that become objects.

An object's name is its file's path relative to the folder, with slashes. Regular files and links to
files in the folder are taken. A link to a folder in the folder is not followed: what is in there
is found anyway. What links lead to outside the folder is taken only if that is asked for. Broken
links, sockets, pipes and devices are ignored.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local.bucket.regular_file import RegularFile
from local.printable import printable

MAX_OBJECT_NAME = 1024
"""Bytes of UTF-8, https://cloud.google.com/storage/docs/objects#naming."""

SHOWN = 10
"""How many files a message names; the others are only counted."""


class UnusableFolder(Exception):
    """The folder can't be mirrored; the message says why, and what to do about it."""


class UnreadableFolder(OSError):
    """A folder inside the folder can't be read."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file and the name of its object.

    Attributes:
        path: Where the file is, without links.
        size: Its size in bytes.
    """

    name: str
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found in a folder.

    Attributes:
        files: The files, sorted by name.
        links_out: The names of links that lead out of the folder and were not followed, sorted.
    """

    files: tuple[SourceFile, ...]
    links_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A path in the folder.

    Attributes:
        real: The path without links.
        what: The size of a file in bytes, or why it can't be read; None for a link that leads out.
        is_folder: Whether it is a folder or leads to one.
    """

    name: str
    real: Path
    what: int | OSError | None
    is_folder: bool = False


def survey(
    folder: Path,
    *,
    is_synced: Callable[[str], bool] = lambda _: True,
    follow_links: bool = False,
) -> Survey:
    """Find the files of a folder.

    Args:
        folder: The folder to search.
        is_synced: Whether a sync would take a name; one that ends with a slash is a folder's. What
            no sync takes is left out if it is unusable.
        follow_links: Whether to take what links outside the folder lead to.

    Raises:
        UnusableFolder: The folder does not exist, is not a folder, or is empty; or a file to be
            synced can't be read, or its name is not a possible object name.
    """
    if not folder.exists():
        raise UnusableFolder(f"{printable(str(folder))} does not exist")
    if not folder.is_dir():
        raise UnusableFolder(f"{printable(str(folder))} is not a folder")
    files: list[SourceFile] = []
    links_out: list[str] = []
    problems: list[str] = []
    for found in _Walk(folder.resolve(), follow_links=follow_links).run():
        taken = is_synced(f"{found.name}/" if found.is_folder else found.name)
        if found.what is None:
            links_out += [found.name] if taken else []
        elif problem := _unreadable(found) or _unnameable(found.name):
            problems += [f"{printable(found.name)}: {problem}"] if taken else []
        elif isinstance(found.what, int):
            files.append(SourceFile(found.name, found.real, found.what))
    _check(folder, files, links_out, problems)
    return Survey(tuple(sorted(files, key=lambda file: file.name)), tuple(sorted(links_out)))


def shown(lines: list[str]) -> str:
    """Return the first lines, indented below a message, and how many more there are."""
    more = len(lines) - SHOWN
    return "\n  ".join(lines[:SHOWN] + ([f"and {more} more"] if more > 0 else []))


def _check(
    folder: Path, files: list[SourceFile], links_out: list[str], problems: list[str]
) -> None:
    name = printable(str(folder))
    if problems:
        raise UnusableFolder(
            f"{len(problems)} of the files in {name} can't be synced. Rename them, make them "
            f"readable, or move them out of the folder:\n  {shown(problems)}"
        )
    if not files:
        only = " but links that lead out of it (see --follow-links)" if links_out else ""
        raise UnusableFolder(
            f"{name} has no files{only}, so there is nothing to sync. An empty folder is not taken "
            "as a request to delete everything."
        )


class _Walk:
    """Goes through a folder, and through those that links lead to if they are followed.

    Args:
        root: The folder, without links.
        follow_links: Whether links that lead out of the folder are followed.
    """

    def __init__(self, root: Path, *, follow_links: bool) -> None:
        self._root = root
        self._follow = follow_links

    def run(self) -> Iterator[_Found]:
        """Yield each file, each link that is not followed, and each path that can't be read."""
        yield from self._folder(self._root, Path(), ())

    def _folder(self, real: Path, name: Path, above: tuple[Path, ...]) -> Iterator[_Found]:
        """Go through a folder; `above` are the folders on the way to it, without links."""
        try:
            with os.scandir(str(real)) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            refused = UnreadableFolder(error.errno, error.strerror)
            yield _Found(name.as_posix(), real, refused, is_folder=True)
            return
        for entry in inside:
            yield from self._entry(real / entry.name, name / entry.name, (*above, real))

    def _entry(self, path: Path, name: Path, above: tuple[Path, ...]) -> Iterator[_Found]:
        try:
            is_link = path.is_symlink()
            real = path.resolve(strict=True) if is_link else path
            mode = real.stat() if is_link else path.lstat()
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):  # a broken link
                yield _Found(name.as_posix(), path, error)
            return
        except RuntimeError:  # a link to itself, before Python 3.13
            return
        is_folder = stat.S_ISDIR(mode.st_mode)
        leads_out = is_link and not real.is_relative_to(self._root)
        if leads_out and not self._follow and (is_folder or stat.S_ISREG(mode.st_mode)):
            yield _Found(name.as_posix(), real, None, is_folder=is_folder)
        elif stat.S_ISREG(mode.st_mode):
            yield _Found(name.as_posix(), real, mode.st_size)
        elif is_folder and real not in above and (leads_out or not is_link):
            yield from self._folder(real, name, above)


def _unreadable(found: _Found) -> str:
    """Return why a file can't be read, or an empty string."""
    try:
        if isinstance(found.what, OSError):
            raise found.what
        RegularFile(found.real).close()
    except OSError as error:
        return error.strerror or "it can't be read"
    return ""


def _unnameable(name: str) -> str:
    """Return why no object can have this name, or an empty string."""
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "the name is not valid UTF-8"
    if len(encoded) > MAX_OBJECT_NAME:
        return f"the name has {len(encoded)} bytes; an object name has at most {MAX_OBJECT_NAME}"
    return ""
