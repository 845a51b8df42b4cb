"""Changes the deployed code while a sync is running: to an earlier version, and back again."""

from __future__ import annotations

import contextlib
import math
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import is_over
from local.rehearsal.library.comparison import compare
from local.rehearsal.library.deployed import Deployed
from local.rehearsal.library.earlier_code import EarlierCode, NoSuchCommit, earlier_code
from local.rehearsal.library.syncs import Library, begin, end
from local.rehearsal.step import Findings, LeftOut, StepFailed
from shared.domain.throttle.tiers import Tier

FOLDER = "rehearsal"
MARGIN = 1.8
"""How much longer than the change of code a sync is made, so that it is still running after it."""

FEWEST_FILES = 20

LIBRARY_REQUESTS = 60
"""Metered requests that the library's own syncs need: two for each of its files, and some more."""

SECONDS_TO_BEGIN = 900.0
"""How long the first file of a sync may take."""

_SOONEST = 0.3
"""Seconds between two looks at a sync, at least."""

_ENDED_WELL = ("completed", "completed_with_failures")


def files_for(tier: Tier, swap_seconds: float) -> int:
    """Return how many new files keep a sync busy while the code is changed: two requests each."""
    return max(FEWEST_FILES, math.ceil(tier.rpm / 60 * swap_seconds * MARGIN / 2))


class Versions:
    """Rollback and upgrade, each in the middle of a sync.

    Args:
        deployed: The deployment.
        library: The folder that it syncs.
        folder: The folder for the zips of the earlier version.
        commit: The earlier version; None for the latest whose zips differ.
        wait: Waits so many seconds.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        deployed: Deployed,
        library: Library,
        folder: Path,
        commit: str | None = None,
        *,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deployed = deployed
        self._library = library
        self._folder = folder
        self._commit = commit
        self._wait = wait
        self._clock = clock

    def roll_back(self, findings: Findings) -> None:
        """Deploy the earlier version in the middle of a sync, and leave it there."""
        earlier = self._earlier(findings)
        with self._restoring(findings):
            if findings.is_again:  # which version was deployed is not known
                self._deployed.serve(self._deployed.packages(), findings)
            findings.keep(serves_earlier=True)
            self._change_in_mid_batch(earlier.packages, earlier.name, findings)

    def upgrade(self, findings: Findings) -> None:
        """Deploy this version in the middle of a sync of the earlier one."""
        earlier = self._earlier(findings)
        with self._restoring(findings):
            if findings.is_again or not findings.memory.get("serves_earlier"):
                self._deployed.serve(earlier.packages, findings)
            self._change_in_mid_batch(self._deployed.packages(), "this version", findings)
            findings.keep(serves_earlier=False)

    @contextlib.contextmanager
    def _restoring(self, findings: Findings) -> Iterator[None]:
        """Deploy this version if something fails, so that later steps are about it."""
        try:
            yield
        except Exception:
            self._deployed.serve(self._deployed.packages(), findings)
            findings.keep(serves_earlier=False)
            raise

    def _earlier(self, findings: Findings) -> EarlierCode:
        """Build the earlier version. Raises `LeftOut` where the day's quota is too small."""
        tier = self._deployed.tier
        needed = LIBRARY_REQUESTS + 2 * 2 * files_for(tier, self._deployed.swap_seconds)
        if tier.rpd is not None and needed > tier.rpd:
            raise LeftOut(
                f"{tier.name} allows {tier.rpd} metered requests a day, and all syncs of the "
                f"rehearsal need about {needed}"
            )
        try:
            found = earlier_code(self._deployed.packages(), self._folder, self._commit)
        except NoSuchCommit as error:
            raise StepFailed(str(error)) from error
        findings.say(f"The earlier version is {found.name}.")
        return found

    def _change_in_mid_batch(
        self, packages: Mapping[str, Path], name: str, findings: Findings
    ) -> None:
        """Sync new files, deploy in the middle, and compare the store with the bucket.

        Raises:
            StepFailed: No file was indexed in a quarter of an hour.
        """
        files = self._add_files()
        client = self._deployed.client()
        batch_id = begin(client, self._deployed, findings)
        before = self._wait_for_a_file(client, batch_id)
        changed_at = self._deployed.serve(packages, findings)
        summary = end(self._deployed.client(), self._deployed, findings, batch_id)
        after = (datetime.fromisoformat(summary["completed_at"]) - changed_at).total_seconds()
        findings.check(
            f"the sync was at work before and after the change to {name}",
            0 < before < files and after > 0,
            f"of {files} files {before} were done before; it ended {abs(after):.0f} s "
            f"{'after' if after > 0 else 'before'} the change",
        )
        findings.check(
            "the sync ended by itself, as completed",
            summary["status"] in _ENDED_WELL,
            summary["status"],
        )
        findings.check("no file failed", summary["failed"] == 0, summary["failed"] or "")
        compare(self._deployed, findings)

    def _add_files(self) -> int:
        """Put new files into the bucket; their contents are new too, so that all are imported."""
        files = files_for(self._deployed.tier, self._deployed.swap_seconds)
        folder = self._library.folder / FOLDER / secrets.token_hex(4)
        folder.mkdir(parents=True)
        for number in range(files):
            text = f"Page {number} of the logbook {folder.name}: wind from the west, no ships.\n"
            (folder / f"page-{number:04}.txt").write_text(text, encoding="utf-8")
        self._library.put()
        return files

    def _wait_for_a_file(self, client: Deployment, batch_id: str) -> int:
        """Wait until a file is indexed; return how many are."""
        give_up_at = self._clock() + SECONDS_TO_BEGIN
        while True:
            self._deployed.check()
            batch = client.batch(batch_id)
            done = int(batch["progress"]["done"])
            if done or is_over(batch):
                return done
            if self._clock() > give_up_at:
                raise StepFailed(f"no file was indexed in {SECONDS_TO_BEGIN:.0f} s")
            self._wait(max(_SOONEST, self._deployed.look_every / 10))
