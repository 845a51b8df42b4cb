"""What each command answers as JSON, and with which exit code each ending is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.fss.__main__ import main
from local.fss.command_line.catalogue import COMMANDS
from shared.services.health import Health
from tests.local.fss.played import Played
from tests.local.fss.snapshots import same_as_kept
from tests.services.ask.asking import Asking, passage_of
from tests.services.story import DAY, later
from tests.services.test_health import KEY
from tests.twins.answers import supported
from tests.world import World


def shape(value: Any) -> Any:
    """What a JSON value is made of: fields, and the types of their values."""
    match value:
        case dict():
            return {name: shape(item) for name, item in value.items()}
        case list():
            return [shape(value[0])] if value else []
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "number"
        case _:
            return "text"


@pytest.fixture
def deployment(played: Played) -> Played:
    """A deployment that answers what the services answer, after a sync and a dry run."""
    world = World()
    world.put({"a.md": "alpha" * 500, "empty.md": ""})
    done = world.sync()["batch_id"]
    later(world, DAY)
    world.put({"b.md": "beta" * 500})
    dry = world.sync(dry_run=True)["batch_id"]
    report = world.report
    reply = supported("It is one.", passage_of(world, "a.md", page=2))
    answers: dict[str, Any] = {
        f"GET /batches/{done}": report.batch(done),
        f"GET /batches/{done}/files": report.files(done, None, "", 100),
        f"GET /batches/{dry}": report.batch(dry),
        f"GET /batches/{dry}/files": {"files": [], "next_page_token": ""},
        f"GET /batches/{dry}/changes": report.changes(dry, ""),
        "GET /batches": {"batches": report.batches(10), "next_page_token": ""},
        "GET /files": report.file("a.md"),
        "GET /failures": report.failures("", 100),
        "GET /store": report.store(),
        "POST /ask": Asking(world, reply).ask(),
        "GET /version": {"function": "status", "code": "0" * 12},
        "GET /health": {
            "function": "dispatcher", "code": "0" * 12, "time_scale": 600.0,
            **Health(world.context, KEY, simulated=True)(),
        },
        **{
            f"POST /batches/{done}:{verb}": {"batch_id": done, "status_url": "u", "status": "x"}
            for verb in ("cancel", "pause", "resume")
        },
    }  # fmt: skip
    played.answers = {target: (200, answer) for target, answer in answers.items()}
    played.answers["POST /sync"] = (202, {"batch_id": dry, "status_url": "u"})
    played.done = done
    return played


LINES = {
    "sync": "sync", "retry": "retry", "reconcile": "reconcile", "status": "status",
    "watch": "watch DONE", "history": "history", "history since": "history --since 9d",
    "diff": "diff", "failures": "failures", "file": "file a.md", "logs": "logs --state STATE",
    "store": "store", "cancel": "cancel DONE", "pause": "pause DONE", "resume": "resume DONE",
    "init": "init --dispatcher http://localhost:1 --status http://localhost:2", "doctor": "doctor",
    "completion": "completion fish", "ask": "ask what?", "a mistake": "store --wach",
    "a refusal": "status no-such",
}  # fmt: skip

ELSEWHERE = {"local": "test_machine.py", "up": "test_machine.py", "page": "test_page.py"}
"""Commands that need a whole stack or stay up, and where their answers are tested."""


@pytest.mark.parametrize("name", list(LINES))
def test_the_json_answer_has_the_shape_that_was_kept(
    name: str,
    deployment: Played,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    line = {"severity": "INFO", "message": "m", "event": "e", "batch_id": "b1"}
    (tmp_path / "logs" / "upload.log").write_text(json.dumps(line))
    words = LINES[name].replace("DONE", deployment.done).replace("STATE", str(tmp_path)).split()

    code = main([*words, "--json"])

    printed = capsys.readouterr().out
    assert printed.count("\n") == 1, "one line, and nothing else"
    told = json.dumps(shape(json.loads(printed)), indent=1, sort_keys=True)
    same_as_kept(f"json/{name}.txt", f"exit code {code}\n{told}\n")


def test_every_command_has_its_answer_kept_or_tested_elsewhere() -> None:
    assert {name.split()[0] for name in LINES.values()} | set(ELSEWHERE) >= set(COMMANDS)
    for file in ELSEWHERE.values():
        assert [*Path(__file__).parent.rglob(file)]


ENDS = {
    "completed": 0, "completed_with_failures": 1, "cancelled": 1, "deferred": 1, "refused": 3,
    "failed": 4,
}  # fmt: skip


@pytest.mark.parametrize("line", ["status DONE", "watch DONE", "sync --watch"])
@pytest.mark.parametrize(("status", "code"), ENDS.items())
def test_a_batch_that_is_over_ends_the_command_with_its_exit_code(
    line: str, status: str, code: int, deployment: Played
) -> None:
    target = f"GET /batches/{deployment.done}"
    deployment.answers[target] = (200, {**deployment.answers[target][1], "status": status})
    deployment.answers["POST /sync"] = (202, {"batch_id": deployment.done, "status_url": "u"})
    assert main(line.replace("DONE", deployment.done).split()) == code
