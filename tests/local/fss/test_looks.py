"""The commands that look: what they ask a deployment, what they print, and their exit codes."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.fss.__main__ import main
from local.fss.commands.look.history import since
from local.fss.deployment.outcome import Exit
from local.fss.report.changes import change_lines
from local.fss.report.one_file import file_lines
from tests.local.fss.played import DETAILS, SUMMARY, Played
from tests.services.story import DAY, later, world_with

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = main(words)
    return code, capsys.readouterr().out


# --- history --------------------------------------------------------------------------------------


def closed(batch_id: str, day: int, **changes: Any) -> dict[str, Any]:
    return {
        **SUMMARY, "batch_id": batch_id, "dry_run": False, "duration_seconds": 65.0,
        "started_at": f"2026-01-{day:02}T00:00:00+00:00",
        "completed_at": f"2026-01-{day:02}T00:01:05+00:00", **changes,
    }  # fmt: skip


BATCHES = [
    closed("b4", 31, new=1, indexed=1, failed=2, estimated_cost=0.0003),
    closed("b3", 30, dry_run=True, new=500),
    closed("b2", 29, changed=2, removed=1, indexed=2, deleted=1, estimated_cost=0.0006),
    closed("b1", 1, new=40, indexed=40, failed=3),
]


def test_history_lists_batches_and_their_results(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.has(*BATCHES)
    code, shown = ran(capsys, "history", "--limit", "3")
    assert code == Exit.IN_STEP
    assert played.asked[0][0] == "GET /batches?limit=3"
    assert "b4  completed; incremental; 1 indexed; 2 failed; took 1 min 05 s" in shown
    assert "b3  completed (dry run)" in shown


def test_history_tells_what_changed_since_a_time(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["GET /batches"] = (200, BATCHES)
    code, shown = ran(capsys, "history", "--since", "2026-01-29")
    assert code == Exit.IN_STEP
    assert shown.startswith(
        "Since 2026-01-29 00:00 UTC: 2 batches\n"
        "  found    1 new, 2 changed, 0 metadata changed, 1 removed\n"
        "  did      3 indexed, 1 deleted; 2 failed now\n"
        "  cost     0.00090 USD, as estimated\n"
    )
    assert "b1" not in shown
    _, text = ran(capsys, "history", "--since", "2026-01-29", "--json")
    told = json.loads(text)
    assert told["changed"]["indexed"] == 3
    assert [each["batch_id"] for each in told["batches"]] == ["b4", "b3", "b2"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("7d", "2026-01-24T12:00:00+00:00"),
        ("90m", "2026-01-31T10:30:00+00:00"),
        ("2026-01-29", "2026-01-29T00:00:00+00:00"),
        ("2026-01-29T08:00+02:00", "2026-01-29T08:00:00+02:00"),
    ],
)
def test_a_time_is_a_span_before_now_or_a_date(text: str, told: str) -> None:
    assert since(text, NOW).isoformat() == told


@pytest.mark.parametrize("text", ["", "d", "7y", "yesterday", "-7d", "9999999999999w", "٣d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time|too long ago"):
        since(text, NOW)


# --- diff -----------------------------------------------------------------------------------------


def test_diff_makes_a_dry_run_and_lists_its_names_by_path(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    estimate = {"files": 3, "removals": 1, "retries": 0, "cost": 0.0009, "currency": "USD",
                "seconds": 18}  # fmt: skip
    played.answers["POST /sync"] = (202, {"batch_id": "b1", "status_url": ""})
    played.has({**SUMMARY, **DETAILS, "estimate": estimate, "dry_run": True})
    played.answers["GET /batches/b1/changes"] = (200, {
        "changes": [
            {"change": "new", "path": "z.md"}, {"change": "removed", "path": "b\x1b.md"},
            {"change": "metadata_changed", "path": "c.md"}, {"change": "changed", "path": "a.md"},
        ],
        "unlisted": 0, "next_page_token": "",
    })  # fmt: skip
    code, shown = ran(capsys, "diff", "--prefix", "x/")
    assert code == Exit.NOT_IN_STEP
    assert played.asked[0][1] == {"mode": "incremental", "prefix": "x/", "dry_run": True}
    assert shown == (
        "~ a.md\n- b\\x1b.md\n~ c.md  (metadata)\n+ z.md\n\n"
        "3 to import, 1 to remove; about 18 s at the tier's rate, for an estimated 0.00090 USD\n"
    )
    _, text = ran(capsys, "diff", "--json")
    assert set(json.loads(text)) == {
        "batch_id", "status", "message", "changes", "unlisted", "estimate",
    }  # fmt: skip


@pytest.mark.parametrize("failed", [0, 2])
def test_diff_with_nothing_to_do_says_so_and_ends_with_0(
    failed: int, played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    estimate = {"files": 0, "removals": 0, "retries": 0, "cost": 0.0, "currency": "USD",
                "seconds": 0}  # fmt: skip
    played.answers["POST /sync"] = (202, {"batch_id": "b1", "status_url": ""})
    played.has({**SUMMARY, **DETAILS, "estimate": estimate, "dry_run": True, "failed": failed})
    nothing: dict[str, Any] = {"changes": [], "unlisted": 0, "next_page_token": ""}
    played.answers["GET /batches/b1/changes"] = (200, nothing)
    assert ran(capsys, "diff") == (Exit.IN_STEP, "Nothing to import or remove.\n")


def test_a_diff_says_of_a_whole_deployment_what_the_next_sync_then_does() -> None:
    world = world_with("a.md", "b.md")
    world.sync()
    later(world, DAY)
    world.put({"a.md": "other", "c.md": "new"})
    world.bucket.delete("b.md")
    dry = world.sync(dry_run=True)
    page = world.report.changes(dry["batch_id"], "")
    assert page is not None
    lines = [*change_lines(page["changes"], page["unlisted"], dry)]
    assert {"~ a.md", "- b.md", "+ c.md"} <= set(lines)
    assert "2 to import, 1 to remove" in lines[-1]
    done = world.sync()
    assert (done["new"], done["changed"], done["removed"]) == (1, 1, 1)


# --- file -----------------------------------------------------------------------------------------


def test_a_files_journey_is_told_with_its_imports_and_their_cost() -> None:
    world = world_with("a.md")
    world.put({"a.md": "x" * 8000})
    world.sync()
    later(world, DAY)
    world.put({"a.md": "y" * 8000})
    world.sync()
    answer = world.report.file("a.md")
    assert answer is not None
    text = "\n".join(file_lines(answer))
    assert text.startswith("a.md: indexed\n  size     8 kB\n  document ")
    assert "imports  2, 0.00060 USD as estimated; the latest first" in text
    assert text.count("succeeded  2000 tokens  0.00030 USD  batch 2026") == 2


def test_a_file_that_no_sync_has_seen_is_told(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    played.answers["GET /files"] = (404, {"error": "not found"})
    assert main(["file", "no such.md"]) == Exit.USAGE
    assert played.asked[0][0] == "GET /files?path=no+such.md"
    assert "no sync has seen 'no such.md'" in capsys.readouterr().err


def test_a_failed_file_is_told_with_reason_and_time_and_ends_with_1(
    played: Played, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "path": "a.md", "status": "failed", "reason": "too odd", "kind": "exhausted", "code": 500,
        "attempts": 5, "failed_at": None, "eligible_at": "2026-02-01T00:00:00+00:00",
        "document": "", "content_key": "", "size": 3, "indexed_at": None, "batch_id": "b1",
        "metadata_reports": ["the sidecar is no JSON"],
    }  # fmt: skip
    played.answers["GET /files"] = (200, {"files": [row], "imports": []})
    code, shown = ran(capsys, "file", "a.md")
    assert code == Exit.NOT_IN_STEP
    assert "reason   too odd (exhausted, 5 attempts)" in shown
    assert "again    not before 2026-02-01 00:00 UTC; or with fss retry" in shown
    assert "metadata the sidecar is no JSON" in shown


# --- logs -----------------------------------------------------------------------------------------

ENTRY = {
    "timestamp": "2026-01-31T12:00:00.123456789Z", "severity": "WARNING",
    "labels": {"batch": "b1", "file": "a.md"},
    "jsonPayload": {"message": "'a.md' failed: \x1b[2J", "event": "file_failed", "path": "a.md"},
}  # fmt: skip


@pytest.fixture
def gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gcloud that prints the file ``answer`` and keeps what it was asked in ``asked``."""
    program = tmp_path / "bin" / "gcloud"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nfor word in "$@"; do echo "$word"; done > {tmp_path}/asked\n'
        f"if [ -e {tmp_path}/refusal ]; then cat {tmp_path}/refusal >&2; exit 1; fi\n"
        f"cat {tmp_path}/answer\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path


def test_logs_of_a_deployment_are_read_by_the_callers_gcloud(
    played: Played,
    gcloud: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(gcloud)
    profile = f'[profiles.dev]\ndispatcher = "{played.url}"\nproject = "my-project"\n'
    (gcloud / "fss.toml").write_text(profile)
    played.has({**SUMMARY, "batch_id": "b1"})
    (gcloud / "answer").write_text(json.dumps([ENTRY]))
    code, shown = ran(capsys, "--profile", "dev", "logs", "--limit", "7")
    assert (code, shown) == (0, "2026-01-31 12:00:00  WARNING   'a.md' failed: \\x1b[2J\n")
    asked = (gcloud / "asked").read_text().splitlines()
    assert asked[:3] == [
        "logging", "read", 'resource.type="cloud_run_revision" AND labels.batch="b1"',
    ]  # fmt: skip
    assert {"--limit=7", "--project=my-project", "--format=json"} <= set(asked)
    _, text = ran(capsys, "--profile", "dev", "logs", "b1", "--json")
    assert json.loads(text)["lines"][0]["event"] == "file_failed"


def test_a_log_that_gcloud_cannot_read_is_told_in_one_line(
    gcloud: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (gcloud / "refusal").write_text("ERROR: (gcloud.logging.read) PERMISSION_DENIED\nmore\n")
    assert main(["logs", "b1"]) == Exit.COULD_NOT_RUN
    said = capsys.readouterr().err
    assert "PERMISSION_DENIED; needed is the role Logs Viewer" in said
    assert said.count("\n") == 1


def test_without_gcloud_the_command_to_run_elsewhere_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["logs", "b1"]) == Exit.COULD_NOT_RUN
    assert "not installed; elsewhere: gcloud logging read " in capsys.readouterr().err


def test_logs_of_a_state_are_those_of_the_batch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    of, day = "logging.googleapis.com/labels", "2026-01-31"
    lines = [
        "a line of the server",
        json.dumps({"severity": "INFO", "message": "of an earlier version", "batch_id": "b1"}),
        json.dumps({"time": f"{day}T08:00:00.1+02:00", "message": "began", "batch_id": "b1"}),
        json.dumps({"time": f"{day}T06:00:02.000+00:00", "message": "ended", "batch_id": "b1"}),
        json.dumps({"severity": "INFO", "message": "other", of: {"batch": "b0"}}),
        '{"severity": "INFO", "mess',
    ]
    (logs / "dispatcher.log").write_text("\n".join(lines))
    (logs / "upload.log").write_text(
        json.dumps(
            {
                "time": f"{day}T06:00:01.000+00:00",
                "severity": "ERROR",
                "message": "failed",
                of: {"batch": "b1"},
            }
        )
        + "\n"
    )
    code, shown = ran(capsys, "logs", "--state", str(tmp_path))
    assert code == 0
    assert [line.split() for line in shown.splitlines()] == [
        ["INFO", "of", "an", "earlier", "version"],
        [day, "06:00:00", "began"],
        [day, "06:00:01", "ERROR", "failed"],
        [day, "06:00:02", "ended"],
    ]
    assert "other" in ran(capsys, "logs", "b0", "--state", str(tmp_path))[1]
    assert main(["logs", "--state", str(tmp_path / "logs")]) == Exit.USAGE
