"""A change of code in the middle of a sync, on a deployment that exists only here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.rehearsal.library import versions as versions_module
from local.rehearsal.library.earlier_code import EarlierCode, NoSuchCommit
from local.rehearsal.library.versions import SECONDS_TO_BEGIN, Versions, files_for
from local.rehearsal.step import Findings, LeftOut, StepFailed
from shared.domain.throttle.tiers import tier_named

NOW = {"dispatcher": Path("now.zip")}
EARLIER = {"dispatcher": Path("earlier.zip")}

CHANGED_AT = datetime(2026, 12, 1, 10, tzinfo=UTC)


def ended(*, seconds_after: float = 30, **more: object) -> dict[str, object]:
    """The summary of a sync that ended so long after the change."""
    at = (CHANGED_AT + timedelta(seconds=seconds_after)).isoformat()
    return {"status": "completed", "failed": 0, "completed_at": at, **more}


class Stage:
    """A deployment whose sync is done after so many looks."""

    look_every = 1.0
    swap_seconds = 60.0

    def __init__(self, folder: Path, looks: list[int], tier: str = "tier1") -> None:
        self.tier = tier_named(tier)
        self.served: list[Mapping[str, Path]] = []
        self.files: list[int] = []
        self.waited = 0.0
        self.found = Findings({}, lambda _: None, lambda: None)
        library: Any = SimpleNamespace(folder=folder, put=self.put)
        self._looks = iter(looks)
        self.versions = Versions(
            self,  # type: ignore[arg-type]
            library,
            folder,
            wait=self.wait,
            clock=lambda: self.waited,
        )
        self._folder = folder

    def put(self) -> None:
        self.files.append(len(list(self._folder.rglob("*.txt"))))

    def wait(self, seconds: float) -> None:
        self.waited += seconds

    def packages(self) -> Mapping[str, Path]:
        return NOW

    def serve(self, packages: Mapping[str, Path], _: Findings) -> datetime:
        self.served.append(packages)
        return CHANGED_AT

    def check(self) -> None:
        pass

    def client(self) -> Any:
        return SimpleNamespace(batch=lambda _: self.batch())

    def batch(self) -> dict[str, Any]:
        done = next(self._looks)
        status = "completed" if done > 999 else "running"
        return {"status": status, "progress": {"done": done}}

    def wrong(self) -> list[str]:
        return [check.expected for check in self.found.result.checks if not check.holds]


@pytest.fixture(autouse=True)
def no_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions_module, "begin", lambda *_: "batch")
    monkeypatch.setattr(versions_module, "end", lambda *_: ended())
    monkeypatch.setattr(versions_module, "compare", lambda *_: None)
    monkeypatch.setattr(
        versions_module, "earlier_code", lambda *_: EarlierCode("abc1234567", EARLIER)
    )


def test_the_code_is_changed_once_a_file_is_done_and_changed_back_later(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [0, 0, 1, 1])
    stage.versions.roll_back(stage.found)
    assert stage.served == [EARLIER]
    stage.versions.upgrade(stage.found)
    assert stage.served == [EARLIER, NOW]
    assert stage.wrong() == []


def test_an_upgrade_alone_begins_with_the_earlier_version(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [1])
    stage.versions.upgrade(stage.found)
    assert stage.served == [EARLIER, NOW]


def test_a_step_that_was_interrupted_begins_with_the_version_that_it_needs(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, [1, 1])
    stage.found.is_again = True
    stage.versions.roll_back(stage.found)
    stage.versions.upgrade(stage.found)
    assert stage.served == [NOW, EARLIER, EARLIER, NOW]


@pytest.mark.parametrize(("done", "seconds_after"), [(1, -1), (1, 0), (1000, 30)])
def test_a_sync_that_was_over_too_soon_proves_nothing(
    tmp_path: Path, done: int, seconds_after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = ended(seconds_after=seconds_after)
    monkeypatch.setattr(versions_module, "end", lambda *_: summary)
    stage = Stage(tmp_path, [done])
    stage.versions.roll_back(stage.found)
    (expected,) = stage.wrong()
    assert expected == "the sync was at work before and after the change to the code of abc1234"


def test_a_sync_that_ends_otherwise_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(tmp_path, [1])
    monkeypatch.setattr(versions_module, "end", lambda *_: ended(status="failed", failed=2))
    stage.versions.roll_back(stage.found)
    assert stage.wrong() == ["the sync ended by itself, as completed", "no file failed"]


def test_after_a_failure_this_version_is_deployed_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [0] * 10_000)
    with pytest.raises(StepFailed, match="no file was indexed in 900 s"):
        stage.versions.upgrade(stage.found)
    assert stage.waited > SECONDS_TO_BEGIN
    assert stage.served == [EARLIER, NOW]


def test_new_files_are_put_into_the_bucket_each_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [1, 1])
    expected = files_for(stage.tier, stage.swap_seconds)
    stage.versions.roll_back(stage.found)
    stage.versions.upgrade(stage.found)
    assert stage.files == [expected, 2 * expected]
    texts = [path.read_text() for path in tmp_path.rglob("*.txt")]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("tier", "seconds", "files"), [("tier1", 300, 90), ("tier2", 300, 900), ("tier2", 6, 20)]
)
def test_a_sync_outlasts_the_change(tier: str, seconds: float, files: int) -> None:
    """At 20 and 200 requests a minute, two for each file: 9 minutes."""
    assert files_for(tier_named(tier), seconds) == files


def test_where_the_day_has_too_few_requests_the_steps_are_left_out(tmp_path: Path) -> None:
    stage = Stage(tmp_path, [], tier="free")
    with pytest.raises(LeftOut, match="free allows 100 metered requests a day"):
        stage.versions.roll_back(stage.found)
    assert stage.served == []


def test_a_commit_that_is_none_fails_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise NoSuchCommit("this clone has no commit x")

    monkeypatch.setattr(versions_module, "earlier_code", none)
    with pytest.raises(StepFailed, match="no commit x"):
        Stage(tmp_path, []).versions.roll_back(Findings({}, lambda _: None, lambda: None))
