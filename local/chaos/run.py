"""One run: a library is synced under fire until a batch has completed."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.chaos.aftermath import Aftermath, inspect
from local.chaos.library import write_library
from local.chaos.reaper import Reaper
from local.chaos.syncing import Overtime, Patience, Syncing
from local.chaos.weather import TIME_SCALE, Weather
from local.fss.client import fetched
from local.options import Quota, StackOptions
from local.stack import LocalStack
from shared.domain.throttle.tiers import tier_named

TIER = "tier3"
MOST_BATCHES = 5
"""Under fire; the quiet one at the end is not counted."""

AFTER_FIRE = 300.0
"""Seconds for the quiet sync at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a run went through; ``seconds`` from the first start to the end of the fire."""

    seed: int
    seconds: float
    kills: int
    duplicates: int
    throttled: int
    unavailable: int
    replies_lost: int
    metered: int
    imports: int
    batches: int
    breaker: str
    raw_files_of_lost_replies: int

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.seconds:.0f} s, {self.kills} kills, "
            f"{self.duplicates} duplicate deliveries, {self.throttled} x 429, "
            f"{self.unavailable} x 503, {self.replies_lost} replies lost, "
            f"{self.metered} metered requests, {self.imports} imports took effect, "
            f"{self.batches} batches, breaker {self.breaker}, "
            f"{self.raw_files_of_lost_replies} raw files of lost replies left"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's figures, and each invariant that it broke."""

    figures: Figures
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run on a stack of its own.

    Attributes:
        seed: Of the library, the faults and the kills.
        files: In the library.
        weather: What goes wrong.
        seconds: For everything under fire; more is a broken invariant.
        evidence: Where to leave the logs, the requests and the records if something broke.
        cancelled: Ends it early.
    """

    seed: int
    files: int
    seconds: float
    weather: Weather = field(default_factory=Weather)
    evidence: Path | None = None
    cancelled: threading.Event | None = None

    def __call__(self) -> Outcome:
        """Do it, and return what came of it.

        Raises:
            CouldNotRun: A part of the stack could not be started.
            KeyboardInterrupt: It was cancelled.
        """
        options = StackOptions(
            tier=tier_named(TIER),
            time_scale=TIME_SCALE,
            quota=Quota.EXACT,
            seed=self.seed,
            faults=self.weather.gemini_faults(),
        )
        with (
            tempfile.TemporaryDirectory(prefix="fss-chaos-") as folder,
            LocalStack(options) as stack,
        ):
            library = write_library(Path(folder), self.files, self.seed)
            stack.mirror(Path(folder))
            return self._under_fire(stack, library)

    def _under_fire(self, stack: LocalStack, library: Mapping[str, str]) -> Outcome:
        fire = Fire(stack, self.weather, self.seed)
        batches: list[dict[str, Any]] = []
        overtime: list[str] = []
        began = time.monotonic()
        with fire, Reaper(stack, every=self.weather.kill_every, seed=self.seed) as reaper:

            def look() -> None:
                reaper.check()
                fire.watch()

            syncing = Syncing(stack, Patience(self.seconds, self.cancelled))
            try:
                while len(batches) < MOST_BATCHES and not _is_complete(batches):
                    # What was tried too often under fire is tried again.
                    batch_id = syncing.start(mode="retry_failed" if batches else "incremental")
                    batches.append(syncing.follow(batch_id, look))
            except Overtime as late:
                overtime.append(str(late))
        seconds, under_fire = time.monotonic() - began, len(batches)
        try:
            batches.append(Syncing(stack, Patience(AFTER_FIRE, self.cancelled)).sync())
        except Overtime as late:
            overtime.append(str(late))
        aftermath = inspect(stack, library, batches, fire.lost_uploads())
        broken = (*overtime, *aftermath.broken())
        if broken and self.evidence is not None:
            _leave(self.evidence / f"seed-{self.seed}", stack, fire.requests, aftermath)
        stats = fire.stats
        figures = Figures(
            seed=self.seed,
            seconds=seconds,
            kills=reaper.kills.total(),
            duplicates=fire.duplicates(),
            throttled=stats["by_status"].get("429", 0),
            unavailable=stats["by_status"].get("503", 0),
            replies_lost=stats["faults"].get("reply_lost", 0),
            metered=stats["requests"]["metered"],
            imports=stats["imports_total"],
            batches=under_fire,
            breaker=aftermath.circuit,
            raw_files_of_lost_replies=len(aftermath.raw_files_of_lost_replies),
        )
        return Outcome(figures, broken)


class Fire:
    """The faults of both simulators, in force while the context lasts, and what they did.

    Attributes:
        requests: All that the Gemini simulator was asked, as far as `watch` has seen it.
        stats: The simulator's counts at the end of the fire.
    """

    def __init__(self, stack: LocalStack, weather: Weather, seed: int) -> None:
        self.requests: list[dict[str, Any]] = []
        self.stats: dict[str, Any] = {}
        self._gemini = f"{stack.urls.gemini}/_sim"
        self._tasks = stack.urls.cloud_tasks_admin
        self._task_faults = weather.task_faults(seed)

    def __enter__(self) -> None:
        _send("POST", f"{self._tasks}/faults", self._task_faults)

    def __exit__(self, *_: object) -> None:
        _send("POST", f"{self._tasks}/faults", dict.fromkeys(self._task_faults, 0))
        self.watch()
        self.stats = fetched(f"{self._gemini}/stats")
        _send("DELETE", f"{self._gemini}/faults")

    def watch(self) -> None:
        """Keep what was asked; the simulator itself logs the latest requests only."""
        after = self.requests[-1]["number"] if self.requests else 0
        self.requests += fetched(f"{self._gemini}/requests?after={after}")["requests"]

    def duplicates(self) -> int:
        """Return how many deliveries were made twice."""
        queues = fetched(f"{self._tasks}/queues")["queues"]
        return sum(queue["duplicated"] for queue in queues)

    def lost_uploads(self) -> frozenset[str]:
        """Return the raw files whose upload took effect and was answered to nobody."""
        return frozenset(
            request["resource"]
            for request in self.requests
            if request["route"] == "files.upload.finalize" and request.get("fault") == "reply_lost"
        )


def _is_complete(batches: Sequence[Mapping[str, Any]]) -> bool:
    return bool(batches) and batches[-1]["status"] == "completed"


def _leave(
    folder: Path, stack: LocalStack, requests: Sequence[object], aftermath: Aftermath
) -> None:
    """Write down what tells how an invariant came to be broken."""
    shutil.copytree(stack.logs, folder / "logs", dirs_exist_ok=True)
    urls = stack.urls
    parts = {
        "requests": requests,
        "records": aftermath.records,
        "batches": aftermath.batches,
        "documents": fetched(f"{urls.gemini}/_sim/documents")["documents"],
        "dispatches": fetched(f"{urls.cloud_tasks_admin}/dispatches")["dispatches"],
    }
    for name, part in parts.items():
        text = json.dumps(part, indent=1, ensure_ascii=False)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


def _send(method: str, url: str, body: object = None) -> None:
    content = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    fetched(urllib.request.Request(url, content, headers, method=method))
