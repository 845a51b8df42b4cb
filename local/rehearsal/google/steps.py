"""All steps of a rehearsal in a project, in order."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.fss.report.progress import Display
from local.rehearsal.google.alert import AlertTest
from local.rehearsal.google.deployment import SWAP_SECONDS, GoogleDeployment
from local.rehearsal.google.place import Place
from local.rehearsal.google.preparation import Preparation
from local.rehearsal.google.tear_down import TearDown
from local.rehearsal.google.tokens import TokenQuestions
from local.rehearsal.journal import Journal
from local.rehearsal.library.steps import library_steps
from local.rehearsal.library.syncs import Library
from local.rehearsal.programs import Programs
from local.rehearsal.step import Step
from shared.domain.throttle.tiers import tier_named


def google_steps(
    place: Place,
    programs: Programs,
    key: str,
    journal: Journal,
    display: Display,
    asked: Callable[[str], str],
    *,
    commit: str | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> list[Step]:
    """Return the steps.

    Args:
        place: The project, and the folder on this machine.
        programs: Runs the commands.
        key: The Gemini key.
        journal: Where the steps keep values for each other.
        display: Shows the progress of syncs.
        asked: Asks the person a question, and returns the answer.
        commit: The earlier version; None for the latest whose zips differ.
        wait: Waits so many seconds.
    """
    tier = tier_named(place.tier)
    deployment = GoogleDeployment(place, programs, key, tier, display, journal.memory, wait=wait)
    library = Library(deployment, place.folder / "library")
    alert = AlertTest(deployment, library, programs, wait=wait)
    preparation = Preparation(place, programs, key, tier, SWAP_SECONDS, asked)
    steps = [
        *preparation.steps(),
        *deployment.steps(),
        *library_steps(deployment, place.folder, commit, deployment.refuse_strangers),
        TokenQuestions(place, programs, wait=wait).step(),
        alert.step(),
        *TearDown(place, programs, key).steps(),
    ]
    preparation.minutes = sum(step.minutes for step in steps)
    return steps
