"""Resource names: `projects/P/locations/L/queues/Q/tasks/T`.

The patterns follow the API reference of `Queue.name` and `Task.name`.
"""

from __future__ import annotations

import re

from local.cloud_tasks.wire.errors import invalid

_LOCATION = r"projects/[A-Za-z0-9:.-]+/locations/[A-Za-z0-9-]+"
_QUEUE = rf"{_LOCATION}/queues/[A-Za-z0-9-]{{1,100}}"
_TASK = rf"{_QUEUE}/tasks/[A-Za-z0-9_-]{{1,500}}"


def location_name(text: str) -> str:
    """Return `text` if it is the name of a location.

    Raises:
        Refused: INVALID_ARGUMENT otherwise.
    """
    if not re.fullmatch(_LOCATION, text):
        raise invalid(f"{text!r} is not projects/PROJECT/locations/LOCATION.")
    return text


def queue_name(text: str) -> str:
    """Return `text` if it is the name of a queue.

    Raises:
        Refused: INVALID_ARGUMENT otherwise.
    """
    if not re.fullmatch(_QUEUE, text):
        raise invalid(
            f"{text!r} is not projects/PROJECT/locations/LOCATION/queues/QUEUE, where QUEUE is 1 "
            "to 100 letters, digits and hyphens."
        )
    return text


def task_name(text: str) -> str:
    """Return `text` if it is the name of a task.

    Raises:
        Refused: INVALID_ARGUMENT otherwise.
    """
    if not re.fullmatch(_TASK, text):
        raise invalid(
            f"{text!r} is not QUEUE_NAME/tasks/TASK, where TASK is 1 to 500 letters, digits, "
            "hyphens and underscores."
        )
    return text


def parent_of(name: str) -> str:
    """Return the queue of a task, or the location of a queue."""
    return name.rsplit("/", 2)[0]


def short_id(name: str) -> str:
    """Return the last part: the id of the task or queue."""
    return name.rsplit("/", 1)[1]
