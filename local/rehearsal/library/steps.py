"""The steps that any deployment can play, in order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from local.rehearsal.library.comparison import compare
from local.rehearsal.library.deployed import Deployed
from local.rehearsal.library.probes import probe
from local.rehearsal.library.question import ask
from local.rehearsal.library.syncs import Library
from local.rehearsal.library.versions import MARGIN, Versions
from local.rehearsal.step import Findings, Step


def library_steps(
    deployed: Deployed,
    folder: Path,
    commit: str | None,
    refuse_strangers: Callable[[Findings], None],
) -> list[Step]:
    """Return the steps.

    Args:
        deployed: The deployment that plays them.
        folder: The folder for the copy of the library and the zips of the earlier version.
        commit: The earlier version; None for the latest whose zips differ.
        refuse_strangers: Plays the step that calls the functions without a token.
    """
    library = Library(deployed, folder / "library")
    versions = Versions(deployed, library, folder / "earlier", commit)
    swap = deployed.swap_seconds / 60
    return [
        Step(
            name="upload",
            title="Upload the sample library",
            about="samples/library, documents in many formats and languages, goes into the bucket.",
            play=library.upload,
            is_needed=True,
            minutes=0.5,
        ),
        Step(
            name="sync",
            title="First sync",
            about="Everything is new: each file is uploaded to Gemini and imported into the store.",
            play=library.first_sync,
            is_needed=True,
            minutes=70 / deployed.tier.rpm + 1,
        ),
        Step(
            name="compare",
            title="Compare the store with the bucket",
            about="Both are listed with Google's own clients, not asked of the deployment.",
            play=partial(compare, deployed),
        ),
        Step(
            name="ask",
            title="Ask the store",
            about="Ten answers must be supported by the files that have them, and one by none.",
            play=partial(ask, deployed),
        ),
        Step(
            name="unchanged",
            title="Sync again without a change",
            about="Nothing is to be done, so no request may count for Gemini's quota.",
            play=library.sync_unchanged,
            minutes=1,
        ),
        Step(
            name="change",
            title="Change four files",
            about=(
                "One gets new content, one new metadata, one is added and one removed. The sync "
                "must find these four, and leave everything else alone."
            ),
            play=library.sync_changes,
            minutes=2,
        ),
        Step(
            name="compare-changes",
            title="Compare again",
            about="As before, after the changes.",
            play=partial(compare, deployed),
        ),
        Step(
            name="rollback",
            title="Roll back in the middle of a sync",
            about=(
                "While a sync of new files runs, an earlier version is deployed. It takes over "
                "work and records of this one, and the sync must end as if nothing had happened."
            ),
            play=versions.roll_back,
            minutes=swap * MARGIN + 1,
        ),
        Step(
            name="upgrade",
            title="Upgrade in the middle of a sync",
            about="The other way round: a sync of the earlier version, and then this one again.",
            play=versions.upgrade,
            minutes=swap * MARGIN + 1,
        ),
        Step(
            name="strangers",
            title="Call the functions without a token",
            about="Each function must refuse, with and without a token that nobody signed.",
            play=refuse_strangers,
        ),
        Step(
            name="questions",
            title="Find out what is open about the Gemini API",
            about="Small requests show what the Gemini API does where its documentation is silent.",
            play=partial(probe, deployed),
            minutes=2,
        ),
    ]
