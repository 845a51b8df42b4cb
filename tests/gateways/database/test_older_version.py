"""An older version of the code reads records of this one: a rollback meets them without stopping.

The older version is taken from the history; in a clone without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shared.gateways.database.codec import MalformedRecord
from shared.gateways.database.records import file_path
from shared.gateways.ports import Update
from tests.services.story import synced
from tests.world import World

OLDER = "e0c34d7165a4e74689750db601352cb064d000c5"
"""A commit before records were made of value objects."""

ROOT = Path(__file__).parents[3]

READER = """
import json, sys
from datetime import datetime
from shared.domain.batches import Batch, PageResult
from shared.domain.breaker_state import BreakerState
from shared.domain.breaker_window import WindowEntry
from shared.domain.files import FileRecord
from shared.domain.holds import Hold
from shared.domain.lease import Lease
from shared.domain.operations import OperationRecord
from shared.domain.page_ranges import PageRange
from shared.domain.batches import Deployment
from shared.gateways.codec import MalformedRecord, from_fields

KINDS = {
    "files": FileRecord, "batches": Batch, "pages": PageResult, "window": WindowEntry,
    "breaker/state": BreakerState, "breaker/hold": Hold, "locks/writer": Lease,
    "meta/deployment": Deployment, "ranges": PageRange, "operations": OperationRecord,
}

def timed(value):
    if isinstance(value, dict):
        if value.keys() == {"time"}:
            return datetime.fromisoformat(value["time"])
        return {name: timed(each) for name, each in value.items()}
    return [timed(each) for each in value] if isinstance(value, list) else value

answers = {}
for path, fields in json.load(sys.stdin).items():
    kind = KINDS.get(path) or KINDS.get(path.split("/")[-2])
    if kind is None:
        continue
    try:
        record = from_fields(kind, timed(fields))
        answers[path] = str(getattr(record, "status", "read"))
    except MalformedRecord as error:
        answers[path] = f"MalformedRecord: {error}"
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the older version's package."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("there is no git")
    folder = tmp_path_factory.mktemp("older")
    found = subprocess.run(
        [git, "-C", str(ROOT), "archive", "--output", str(folder / "older.tar"), OLDER, "shared"],
        capture_output=True,
        check=False,
    )
    if found.returncode:
        pytest.skip(f"this clone has no commit {OLDER[:7]}: fetch the whole history")
    shutil.unpack_archive(folder / "older.tar", folder, filter="data")
    return folder


def test_an_older_version_reads_what_this_one_writes_or_names_what_it_cant_read(
    older: Path,
) -> None:
    """File records have changed since, and have the success of imports: it refuses both by name."""
    written = documents(synced("a.md", "b.md"))
    for fields in written.values():
        fields["a_new_field"] = {"of": ["a", "later", "version"]}

    answers = read_by(older, written)

    refused = [path for path, answer in answers.items() if answer.startswith("MalformedRecord: ")]
    assert sorted(path.split("/")[0] for path in refused) == ["files"] * 2 + ["operations"] * 2
    assert {path.split("/")[0] for path in answers} == {
        "batches", "breaker", "files", "locks", "meta", "operations", "ranges",
    }  # fmt: skip


def test_an_older_version_names_a_status_that_it_does_not_know(older: Path) -> None:
    written = documents(synced("a.md"))
    fields = {"path": "a.md", "a_new_field": 1}  # what both versions know of a file
    written |= {file_path("a.md"): {**fields, "status": "hibernating"}}
    written |= {file_path("b.md"): {**fields, "status": "indexed"}}

    answers = read_by(older, written)

    assert answers[file_path("a.md")].startswith("MalformedRecord: FileRecord.status: ")
    assert answers[file_path("b.md")] == "indexed"


def test_this_version_does_not_stop_at_records_of_a_later_one() -> None:
    world = synced("a.md", "b.md")
    later = {"status": "hibernating", "schema_version": 9, "a_new_field": {"of": "it"}}
    world.documents.commit([Update(file_path("a.md"), later)])

    assert [each.path for each in world.files()] == ["b.md"]
    with pytest.raises(MalformedRecord, match=r"^files/\w+: FileRecord.status: "):
        world.file("a.md")


def documents(world: World) -> dict[str, dict[str, Any]]:
    """All documents of the database by path, as JSON."""
    found = {
        f"{collection}/{name}": each.fields
        for collection, stored in world.documents._collections.items()
        for name, each in stored.items()
    }
    return {path: untimed(fields) for path, fields in found.items()}


def untimed(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, Mapping):
        return {name: untimed(each) for name, each in value.items()}
    return [untimed(each) for each in value] if isinstance(value, list) else value


def read_by(older: Path, written: Mapping[str, Any]) -> dict[str, str]:
    """What the older version's codec makes of each document."""
    done = subprocess.run(
        [sys.executable, "-c", READER],
        input=json.dumps(written),
        env={**os.environ, "PYTHONPATH": str(older)},
        cwd=older,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, str] = json.loads(done.stdout)
    return answers
