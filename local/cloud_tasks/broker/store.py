"""Keeps queues, tasks and tombstones on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cloud_tasks.queue.task import TaskRecord
from local.cloud_tasks.wire.messages import Queue, QueueMessage, Task
from local.sqlite_state import opened, transaction

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE queue (name TEXT PRIMARY KEY, message BLOB NOT NULL);
CREATE TABLE task (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, message BLOB NOT NULL,
    execution_count INTEGER NOT NULL, previous_status INTEGER, retry_reason TEXT NOT NULL
);
CREATE TABLE tombstone (name TEXT PRIMARY KEY, expiry REAL NOT NULL);
CREATE INDEX tombstone_by_expiry ON tombstone (expiry);
"""


class Store:
    """A SQLite database whose committed changes survive a kill; see `sqlite_state.opened`.

    It is locked while it is open, because two servers would deliver each task twice.

    Args:
        path: The file, created if missing; None keeps everything in memory.

    Raises:
        StateError: The file can't be used.
    """

    def __init__(self, path: Path | None) -> None:
        self._db = opened(path, _SCHEMA, SCHEMA_VERSION)

    def close(self) -> None:
        """Write the journal to the file and close it."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes in the context together, or none on an exception; may be nested."""
        if self._db.in_transaction:
            yield
            return
        with transaction(self._db):
            yield

    def queues(self) -> Iterator[QueueMessage]:
        """Yield all queues, sorted by name."""
        for (message,) in self._db.execute("SELECT message FROM queue ORDER BY name"):
            yield Queue.FromString(message)

    def tasks(self) -> Iterator[TaskRecord]:
        """Yield all tasks, in order of creation."""
        rows = self._db.execute(
            "SELECT message, execution_count, previous_status, retry_reason FROM task ORDER BY id"
        )
        for message, execution_count, previous_status, retry_reason in rows:
            yield TaskRecord(
                Task.FromString(message), execution_count, previous_status, retry_reason
            )

    def tombstones(self) -> Iterator[tuple[str, float]]:
        """Yield names of tasks and queues with the time each is free again, sorted by time."""
        yield from self._db.execute("SELECT name, expiry FROM tombstone ORDER BY expiry")

    def save_queue(self, message: QueueMessage) -> None:
        """Save a new queue, or its changed settings."""
        self._db.execute(
            "INSERT INTO queue VALUES (?, ?) ON CONFLICT DO UPDATE SET message = excluded.message",
            (message.name, message.SerializeToString()),
        )

    def delete_queue(self, name: str, expiry: float) -> None:
        """Delete a queue that has no tasks; its name stays taken until `expiry`."""
        self._db.execute("DELETE FROM queue WHERE name = ?", (name,))
        self._take_name(name, expiry)

    def add_task(self, record: TaskRecord) -> None:
        """Save a new task."""
        self._db.execute(
            "INSERT INTO task (name, message, execution_count, previous_status, retry_reason) "
            "VALUES (?, ?, ?, ?, ?)",
            (
                record.name,
                record.message.SerializeToString(),
                record.execution_count,
                record.previous_status,
                record.retry_reason,
            ),
        )

    def update_task(self, record: TaskRecord) -> None:
        """Save the changes to a task."""
        self._db.execute(
            "UPDATE task SET message = ?, execution_count = ?, previous_status = ?, "
            "retry_reason = ? WHERE name = ?",
            (
                record.message.SerializeToString(),
                record.execution_count,
                record.previous_status,
                record.retry_reason,
                record.name,
            ),
        )

    def delete_task(self, name: str, expiry: float) -> None:
        """Delete a task; its name stays taken until `expiry`."""
        self._db.execute("DELETE FROM task WHERE name = ?", (name,))
        self._take_name(name, expiry)

    def sweep_tombstones(self, now: float) -> None:
        """Delete the tombstones of names that are free again."""
        self._db.execute("DELETE FROM tombstone WHERE expiry <= ?", (now,))

    def _take_name(self, name: str, expiry: float) -> None:
        self._db.execute("INSERT OR REPLACE INTO tombstone VALUES (?, ?)", (name, expiry))
