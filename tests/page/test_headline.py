from __future__ import annotations

from typing import Any

import pytest

from shared.domain.batch.left import LeftReason
from shared.domain.batch.standing import StandingState
from shared.domain.file.record import FailureKind
from shared.domain.source.eligibility import SkipReason
from shared.domain.throttle.holds import HoldReason
from shared.page import advice
from shared.page.headline import Headline, Tone, headline
from shared.services.report.file_lists import STATUSES, FileList

AT = "2026-01-01T08:00:00+00:00"


def told(state: str, **batch: Any) -> Headline:
    known = {"completed_at": AT, "message": "", "failed": 0, "left": None, **batch}
    standing = {"state": state, "checked_at": AT, "since": AT}
    return headline({"standing": standing, "batches": [known], "running": None, "latest": known})


def test_a_sync_that_has_work_to_do_is_the_headline() -> None:
    latest = {"dry_run": False, "status": "running", "started_at": AT}
    running = {"progress": {"total": 2_096, "done": 818}}
    standing = {"state": "in_step", "checked_at": AT, "since": AT}
    overview = {"standing": standing, "batches": [], "running": running, "latest": latest}

    assert headline(overview) == Headline(
        Tone.BUSY, "A sync is under way, with 1,278 files to go", started=AT
    )
    paused = {**overview, "latest": {**latest, "status": "paused"}}
    assert headline(paused).title == "A sync is paused, with 1,278 files to go"
    for nothing in (
        {**overview, "latest": {**latest, "dry_run": True}},
        {**overview, "running": {"progress": {"total": 7, "done": 7}}},
    ):
        assert headline(nothing).tone is Tone.GOOD


def test_every_state_has_a_headline_of_its_own() -> None:
    titles = {told(state).title for state in StandingState}
    assert len(titles) == len(StandingState)


def test_failed_files_are_counted() -> None:
    assert told("files_failed", failed=1).title == "In step, except for 1 file that failed"
    assert told("files_failed", failed=1_200).title == "In step, except for 1,200 files that failed"


def test_files_that_wait_for_a_hold_are_told_with_the_reason_the_time_and_what_to_do() -> None:
    found = told("behind", left={"files": 398, "reason": "day", "until": AT}, message="at length")
    assert found == Headline(
        Tone.WAITS, "398 files wait: today's quota is used up", "Wait, or move up a tier.", AT
    )


@pytest.mark.parametrize("reason", LeftReason)
def test_every_reason_to_leave_files_makes_a_headline(reason: LeftReason) -> None:
    found = told("behind", left={"files": 2, "reason": reason.value, "until": None}, message="m")
    assert found.title.startswith("2 files wait: ")
    assert found.why


def test_a_message_of_a_refusal_is_shown() -> None:
    assert told("refused", message="51 of 60 documents would go").why.startswith("51 of 60")


def test_there_is_advice_for_every_reason() -> None:
    assert advice.SKIPPED.keys() == set(SkipReason)
    assert advice.FAILED.keys() == set(FailureKind)
    assert advice.HELD.keys() == set(HoldReason)
    assert advice.WAITING.keys() == set(STATUSES[FileList.WAITING])
    assert advice.of_hold("one of a newer version") == ("", "")
    assert advice.of_file({"status": "skipped", "reason": "empty"}).meaning == "It has no bytes."
