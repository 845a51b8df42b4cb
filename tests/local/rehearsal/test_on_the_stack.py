"""A rehearsal in a project that exists only here, whose deployment is a local stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.fss.deployment.outcome import Exit
from local.rehearsal import project
from local.rehearsal.google import alert, steps, tokens
from local.rehearsal.google.place import Place
from local.rehearsal.library.steps import library_steps
from local.rehearsal.library.syncs import SETTINGS
from local.rehearsal.step import Step
from local.stack.local_stack import BUCKET, LocalStack
from local.stack.options import Quota, StackOptions
from shared.domain.throttle.tiers import tier_named
from tests.local.rehearsal.pretend_project import DEPLOYMENT, PretendProject
from tests.stack import TIME_SCALE

PLAYED_ELSEWHERE = {"rollback", "upgrade", "questions", "strangers"}
"""Steps that take long or need IAM; `make rehearse` plays the first three."""


@pytest.fixture
def stack() -> Iterator[LocalStack]:
    options = StackOptions(
        tier=tier_named("tier3"),
        time_scale=TIME_SCALE,
        quota=Quota.OFF,
        deployment=DEPLOYMENT,
        settings=SETTINGS,
    )
    with LocalStack(options) as stack:
        yield stack


def test_a_rehearsal_syncs_alerts_and_removes_its_store(
    stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretended = PretendProject(tmp_path / "log")
    pretended.outputs = {
        "dispatcher_url": stack.urls.dispatcher,
        "status_url": stack.urls.status,
    }
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "gcloud").write_text("#!/bin/sh\necho a-token-of-the-person\n")
    (programs / "gcloud").chmod(0o700)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", str(stack.urls.gemini))
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", stack.urls.storage)
    monkeypatch.setattr(Place, "documents_bucket", BUCKET)
    monkeypatch.setattr(project, "Programs", lambda _: pretended)
    monkeypatch.setattr(project, "write_record", lambda _: None)
    monkeypatch.setattr(project, "PAGE", tmp_path / "rehearsal.md")
    monkeypatch.setattr("builtins.input", lambda _: "my-project")
    monkeypatch.setattr(steps, "library_steps", some_library_steps)
    monkeypatch.setattr(tokens, "get", lambda *_: (200, {"fileSearchStores": [{}]}))
    monkeypatch.setattr(alert, "get", lambda *_: (200, {"alerts": list(alerts(stack))}))
    said: list[str] = []
    place = Place("my-project", "us-central1", "tier3", tmp_path / "rehearsal", DEPLOYMENT)

    assert project.rehearse(place, "any-key", said.append) == Exit.IN_STEP, "\n".join(said)

    text = "\n".join(said)
    assert text.count("ok    each object has one document, of its content") == 2
    assert "ok    the sync is refused (refused)" in text
    assert "ok    the store is deleted (fileSearchStores/" in text
    assert "Yes: it listed stores (1)." in text
    page = (tmp_path / "rehearsal.md").read_text()
    assert "| Make an alert fire | done |" in page


def some_library_steps(*arguments: Any) -> list[Step]:
    return [step for step in library_steps(*arguments) if step.name not in PLAYED_ELSEWHERE]


def alerts(stack: LocalStack) -> Iterator[dict[str, Any]]:
    """What Cloud Monitoring makes of the event that a guard's refusal logs."""
    log = (stack.logs / "dispatcher.log").read_text()
    policy = {"displayName": "[fss-rehearsal] Sync refused or failed"}
    yield {"openTime": "2020-01-01T00:00:00Z", "policy": policy}  # of an earlier rehearsal
    if any('"refused"' in line for line in log.splitlines() if "batch_closed" in line):
        yield {"openTime": "9999-01-01T00:00:00Z", "policy": policy}
