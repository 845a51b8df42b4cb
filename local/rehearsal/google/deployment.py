"""The deployment in a project: applied, planned again, and given other code."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Failure
from local.fss.deployment.token import TokenCommand
from local.fss.report.progress import Display
from local.fss.sync import GENTLE
from local.packaging import FUNCTIONS
from local.rehearsal.google.applying import applied
from local.rehearsal.google.commands import Commands
from local.rehearsal.google.key import gemini_client
from local.rehearsal.google.outputs import outputs_of
from local.rehearsal.google.place import Place
from local.rehearsal.library.access import refuse_strangers
from local.rehearsal.programs import Programs
from local.rehearsal.step import Findings, Step
from shared.domain.ids import owner_tag
from shared.domain.throttle.tiers import Tier

if TYPE_CHECKING:
    from google import genai
    from google.cloud import storage

SWAP_SECONDS = 300.0
"""Assumed seconds that Terraform takes to build and deploy all functions anew."""

SECONDS_TO_ANSWER = 300.0
"""How long a new grant to call a function may take to hold."""

LOOK_AGAIN = 10.0

NOTHING_LEFT = 0
SOMETHING_LEFT = 2
"""Exit statuses of ``terraform plan -detailed-exitcode``."""


class GoogleDeployment:
    """A deployment in a project, that the library's steps can play on.

    Args:
        place: Where it is.
        programs: Runs the commands.
        key: The Gemini key.
        tier: The key's quota tier.
        display: Shows the progress of syncs.
        memory: The values that steps keep.
        wait: Waits so many seconds.
        clock: Seconds of a clock that never goes back.
    """

    is_paid = True
    look_every = GENTLE
    swap_seconds = SWAP_SECONDS

    def __init__(
        self,
        place: Place,
        programs: Programs,
        key: str,
        tier: Tier,
        display: Display,
        memory: Mapping[str, Any],
        *,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tier = tier
        self.display = display
        self.place = place
        self._programs = programs
        self._commands = Commands(place)
        self._key = key
        self._memory = memory
        self._wait = wait
        self._clock = clock

    @property
    def owner(self) -> str:
        """The tag that the documents carry."""
        place = self.place
        return owner_tag(bucket=place.documents_bucket, prefix="", deployment=place.deployment)

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Terraform's outputs."""
        outputs: Mapping[str, Any] = self._memory["outputs"]
        return outputs

    def client(self) -> Deployment:
        """Return a client with a fresh token of the person."""
        token = TokenCommand(self._commands.identity_token().line)
        return Deployment(self.outputs["dispatcher_url"], self.outputs["status_url"], token)

    @contextlib.contextmanager
    def bucket(self) -> Iterator[storage.Bucket]:
        """Open the bucket with Google's client."""
        from google.cloud import storage  # noqa: PLC0415 - its import takes long

        with contextlib.closing(storage.Client(project=self.place.project)) as client:
            yield client.bucket(self.place.documents_bucket)

    def gemini(self) -> contextlib.AbstractContextManager[genai.Client]:
        """Open Google's client of Gemini."""
        return gemini_client(self._key)

    def packages(self) -> Mapping[str, Path]:
        """Return this version's zips."""
        kept = self.place.folder / "packages"
        if not kept.exists():
            shutil.copytree(self.place.checkout / "build", kept)
        return {name: kept / f"{name}.zip" for name in FUNCTIONS}

    def serve(self, packages: Mapping[str, Path], findings: Findings) -> datetime:
        """Apply with other zips."""
        self.packages()
        for name, package in packages.items():
            shutil.copy(package, self.place.checkout / "build" / f"{name}.zip")
        findings.say(f"Terraform deploys other zips: about {SWAP_SECONDS / 60:.0f} minutes.")
        self._programs.run(self._commands.apply())
        return datetime.now(UTC)

    def check(self) -> None:
        """Do nothing: nothing of it runs here."""

    # --- steps ----------------------------------------------------------------------------

    def apply(self, findings: Findings) -> None:
        """Apply until it works, at most three times, and wait until the functions answer."""
        applied(self._commands.apply(), self._programs, findings)
        outputs = outputs_of(self._programs.run(self._commands.outputs()))
        findings.keep(outputs=outputs)
        self.packages()
        self._wait_for_an_answer()

    def apply_again(self, findings: Findings) -> None:
        """Plan again: nothing may be left to do."""
        accepted = (NOTHING_LEFT, SOMETHING_LEFT)
        code, plan = self._programs.outcome(self._commands.plan(), accepted=accepted)
        left = [line.strip() for line in plan.splitlines() if line.strip().startswith("# ")]
        findings.check("nothing is left to do", code == NOTHING_LEFT, "; ".join(left))

    def refuse_strangers(self, findings: Findings) -> None:
        """Check that nobody without a token is let in."""
        dispatcher = str(self.outputs["dispatcher_url"])
        functions = {
            "dispatcher": (dispatcher, False),
            "status": (str(self.outputs["status_url"]), False),
            "upload": (dispatcher.replace("-dispatcher-", "-upload-", 1), True),
        }
        if ask := self.outputs.get("ask_url"):
            functions["ask"] = (str(ask), False)
        refuse_strangers(functions, findings)

    def _wait_for_an_answer(self) -> None:
        """Wait until the status function answers, or raise `Failure` as it does at last."""
        give_up_at = self._clock() + SECONDS_TO_ANSWER
        while True:
            try:
                self.client().store()
                return
            except Failure:
                if self._clock() > give_up_at:
                    raise
            self._wait(LOOK_AGAIN)

    def steps(self) -> list[Step]:
        """Return the steps that make it."""
        commands = self._commands
        return [
            Step(
                name="apply",
                title="Apply",
                about="Terraform makes everything. Its output is in commands.log.",
                play=self.apply,
                commands=(commands.apply(), commands.outputs(), commands.identity_token()),
                is_needed=True,
                minutes=12,
            ),
            Step(
                name="apply-again",
                title="Plan again",
                about="What was applied must have been all there was to do.",
                play=self.apply_again,
                commands=(commands.plan(),),
                minutes=1,
            ),
        ]
