"""The log lines of a batch: from Cloud Logging, as the caller's own gcloud reads it, or a folder.

The functions label each line with the batch, the file and the step that it is about.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from local.fss.deployment.outcome import Exit, Failure
from local.printable import printable

LABELS: Final = "logging.googleapis.com/labels"
FRESHNESS: Final = "90d"
"""How far back gcloud looks: as long as batches are kept."""


def cloud_lines(batch_id: str, project: str | None, limit: int) -> list[dict[str, Any]]:
    """The lines of a batch of a deployment, the oldest first.

    Raises:
        Failure: gcloud is not installed, or can't read the log.
    """
    words = [
        "gcloud", "logging", "read",
        f'resource.type="cloud_run_revision" AND labels.batch="{batch_id}"',
        "--order=asc", f"--freshness={FRESHNESS}", f"--limit={limit}", "--format=json",
        *([f"--project={project}"] if project else []),
    ]  # fmt: skip
    try:
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise Failure(
            Exit.COULD_NOT_RUN,
            f"gcloud, which reads the log, is not installed; elsewhere: {shlex.join(words)}",
        ) from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or f"exit status {error.returncode}").splitlines()[0]
        raise Failure(
            Exit.COULD_NOT_RUN,
            f"gcloud can't read the log: {printable(said)}; needed is the role Logs Viewer",
        ) from None
    return [_cloud_line(entry) for entry in _entries(done.stdout)]


def _entries(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Failure(Exit.COULD_NOT_RUN, "gcloud did not print log entries")
    return found


def _cloud_line(entry: Mapping[str, Any]) -> dict[str, Any]:
    payload = entry.get("jsonPayload")
    fields = dict(payload) if isinstance(payload, dict) else {"message": entry.get("textPayload")}
    return {
        "time": entry.get("timestamp"),
        "severity": entry.get("severity", "DEFAULT"),
        "labels": entry.get("labels") or {},
        **fields,
    }


def folder_lines(folder: Path, batch_id: str | None) -> list[dict[str, Any]]:
    """The lines of a batch in the logs of a run's state, the oldest first.

    Args:
        folder: The folder that was given as ``--state``.
        batch_id: The batch; None takes the latest.

    Raises:
        Failure: There are no logs.
    """
    logs = sorted((folder / "logs").glob("*.log"))
    if not logs:
        raise Failure(Exit.USAGE, f"{folder} has no logs; is it the --state of an fss local?")
    lines = [line for path in logs for line in _json_lines(path)]
    if batch_id is None:
        begun = {str(each) for line in lines if (each := _batch_of(line))}
        if not begun:
            return []
        batch_id = max(begun)  # ids begin with the time
    return sorted((line for line in lines if _batch_of(line) == batch_id), key=_order)


def time_of(line: Mapping[str, Any]) -> datetime | None:
    """When a line was logged, in UTC; None if it doesn't tell, as an earlier version's."""
    try:
        return datetime.fromisoformat(str(line.get("time"))).astimezone(UTC)
    except ValueError:
        return None


def _order(line: Mapping[str, Any]) -> datetime:
    return time_of(line) or datetime.min.replace(tzinfo=UTC)


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as log:
        for text in log:
            if not text.startswith("{"):
                continue
            try:
                line = json.loads(text)
            except ValueError:  # cut off, when the process was killed
                continue
            yield {"function": path.stem, "labels": line.pop(LABELS, {}), **line}


def _batch_of(line: Mapping[str, Any]) -> object:
    return line["labels"].get("batch") or line.get("batch_id")
