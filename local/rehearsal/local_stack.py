"""The rehearsal on the local stack: what can be played without Google."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from local.fss.deployment.client import Deployment
from local.fss.report.progress import Display
from local.fss.sync import LOOK_AGAIN
from local.packaging import build
from local.rehearsal.library.access import refuse_strangers
from local.rehearsal.library.steps import library_steps
from local.rehearsal.library.syncs import SETTINGS
from local.rehearsal.step import Findings, Step
from local.stack.local_stack import BUCKET, LocalStack
from local.stack.options import StackOptions
from shared.domain.ids import owner_tag
from shared.domain.throttle.tiers import tier_named
from shared.gateways.gemini.connection import API_VERSION

if TYPE_CHECKING:
    from google import genai
    from google.cloud import storage

TIER = "tier2"
"""Slow enough for a sync of some dozens of files to outlast a change of code."""

SWAP_SECONDS = 6.0
"""Seconds that three functions take to start again on a slow machine."""

TIME_SCALE = 20.0


class LocalDeployment:
    """A local stack as a deployment that the library's steps can play on.

    Args:
        folder: The folder for this version's zips.
        display: Shows the progress of syncs.
    """

    is_paid = False
    look_every = LOOK_AGAIN
    swap_seconds = SWAP_SECONDS

    def __init__(self, folder: Path, display: Display) -> None:
        self.display = display
        self.tier = tier_named(TIER)
        self.stack = LocalStack(
            StackOptions(tier=self.tier, time_scale=TIME_SCALE, settings=SETTINGS)
        )
        self._folder = folder
        self._packages: dict[str, Path] = {}

    @property
    def owner(self) -> str:
        """The tag that the documents carry."""
        return owner_tag(bucket=BUCKET, prefix="", deployment=self.stack.options.deployment)

    def client(self) -> Deployment:
        """Return a client of the functions, which ask for no token here."""
        return Deployment(self.stack.urls.dispatcher, self.stack.urls.status)

    def bucket(self) -> contextlib.AbstractContextManager[storage.Bucket]:
        """Open the bucket with Google's client."""
        return self.stack.bucket()

    @contextlib.contextmanager
    def gemini(self) -> Iterator[genai.Client]:
        """Open Google's client of the simulator."""
        from google import genai  # noqa: PLC0415 - its import takes half a second
        from google.genai import types  # noqa: PLC0415 - as above

        options = types.HttpOptions(base_url=self.stack.urls.gemini, api_version=API_VERSION)
        with genai.Client(api_key="local", vertexai=False, http_options=options) as client:
            yield client

    def packages(self) -> Mapping[str, Path]:
        """Return this version's zips, built once."""
        if not self._packages:
            built = build(self._folder / "packages")
            self._packages = {name: each.path for name, each in built.items()}
        return self._packages

    def serve(self, packages: Mapping[str, Path], findings: Findings) -> datetime:
        """Stop the functions, unpack the other zips in their places, and start them again."""
        findings.say("The functions start again; until they answer, calls fail and are repeated.")
        return self.stack.redeploy(packages)

    def check(self) -> None:
        """Raise `CouldNotRun` if a part of the stack has stopped."""
        self.stack.check()

    # --- steps ----------------------------------------------------------------------------

    def refuse_strangers(self, findings: Findings) -> None:
        """Serve the functions once more as Cloud Run does, where they ask who calls."""
        with self.stack.as_on_cloud_run() as functions:
            refuse_strangers({name: (url, False) for name, url in functions.items()}, findings)

    def start(self, findings: Findings) -> None:
        """Start the stack."""
        self.stack.start()
        functions = ", ".join(self.stack.functions)
        findings.say(f"Firestore, Cloud Tasks, Cloud Storage, Gemini, {functions}: all answer.")

    def stop(self, findings: Findings) -> None:
        """Stop the stack, and check that nothing is left of it."""
        root = self.stack.logs.parent
        functions = [function.child for function in self.stack.functions.values()]
        self.stack.stop()
        running = [child.name for child in functions if child.is_running]
        findings.check("no process is left", not running, ", ".join(running))
        findings.check("no file is left", not root.exists())


def local_steps(deployed: LocalDeployment, folder: Path, commit: str | None) -> list[Step]:
    """Return the steps of a rehearsal on this machine."""
    library = library_steps(deployed, folder, commit, deployed.refuse_strangers)
    return [
        Step(
            name="start",
            title="Start the local stack",
            about="Servers of this project stand in for Google's services, a simulator for Gemini.",
            play=deployed.start,
            is_needed=True,
        ),
        *(replace(step, minutes=0) for step in library),  # those are of Google's services
        Step(
            name="stop",
            title="Stop the local stack",
            about="Nothing may be left: no process, no file.",
            play=deployed.stop,
            always=True,
        ),
    ]
