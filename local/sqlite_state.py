"""A SQLite file with the state of one server: its lock, its schema, its transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class StateError(Exception):
    """The state is damaged, from another version, or in use by another server."""


def opened(
    path: Path | None,
    schema: str,
    version: int,
    prepare: Callable[[sqlite3.Connection], None] = lambda _: None,
) -> sqlite3.Connection:
    """Open the file in WAL mode and lock it, so that two servers can't both write.

    With ``synchronous=NORMAL``, committed changes survive a kill; a power failure may lose the last
    ones, but leaves the file consistent.

    Args:
        path: The file, created if missing; None keeps everything in memory.
        schema: The statements that make a new file, separated by semicolons.
        version: The version of the schema, which the file carries.
        prepare: Is called with the connection, within the transaction that checks the version.

    Raises:
        StateError: The file can't be used.
    """
    try:
        connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, timeout=0, cached_statements=256
        )
    except sqlite3.Error as error:
        raise StateError(f"{path}: {error}") from error
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        with transaction(connection, "BEGIN IMMEDIATE"):
            _check(connection, schema, version)
            prepare(connection)
    except (sqlite3.Error, StateError) as error:
        connection.close()
        locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
        reason = "in use by another server" if locked else error
        raise StateError(f"{path}: {reason}") from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN") -> Iterator[None]:
    """Commit all changes in the context together, or none on an exception."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check(connection: sqlite3.Connection, schema: str, version: int) -> None:
    """Check the version of the file's schema; a new file gets the schema."""
    (there,) = connection.execute("PRAGMA user_version").fetchone()
    if there == 0:
        for statement in schema.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version={version}")
    elif there != version:
        raise StateError(f"written as version {there}, not {version}")
