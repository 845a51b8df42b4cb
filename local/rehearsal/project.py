"""A rehearsal in a project: begun, continued after an interruption, or torn down."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from local.fss.deployment.outcome import Exit
from local.packaging import ROOT
from local.rehearsal.google.place import Place
from local.rehearsal.google.steps import google_steps
from local.rehearsal.google.tear_down import LEFT
from local.rehearsal.journal import Journal
from local.rehearsal.page import PAGE, page
from local.rehearsal.programs import Programs
from local.rehearsal.progress import INDENT, IndentedLines
from local.rehearsal.record import RECORD, Setting, recorded, write_record
from local.rehearsal.report import report_lines
from local.rehearsal.runner import Runner
from local.rehearsal.step import State

PRIVATE = 0o700
"""Nobody else reads the journal and the log, which name the project's members."""

_KEPT = ("deployment", "region", "tier")


def rehearse(
    place: Place,
    key: str,
    say: Callable[[str], None],
    *,
    commit: str | None = None,
    only_tear_down: bool = False,
) -> Exit:
    """Play a rehearsal in a project.

    Args:
        place: The project, and the folder on this machine. An interrupted rehearsal is continued
            with its own names, region and tier.
        key: The Gemini key.
        say: Prints text.
        commit: The earlier version; None for the latest whose zips differ.
        only_tear_down: Remove what an interrupted rehearsal made, and play nothing else.

    Returns:
        IN_STEP if all is as it should be, NOT_IN_STEP if something isn't, COULD_NOT_RUN if
        something is left in the project, INTERRUPTED.

    Raises:
        UnusableJournal: The journal of an earlier run is damaged.
    """
    place.folder.mkdir(PRIVATE, parents=True, exist_ok=True)
    journal = Journal(place.folder / "journal.json")
    kept = {name: getattr(place, name) for name in _KEPT} | journal.memory
    place = replace(place, **{name: kept[name] for name in _KEPT})
    journal.memory.update({name: kept[name] for name in _KEPT})
    log = place.folder / "commands.log"
    programs = Programs(log)
    steps = google_steps(
        place, programs, key, journal, IndentedLines(sys.stdout), _asked, commit=commit
    )
    for step in steps:
        programs.allow(step.commands)
    say(f"The rehearsal in {place.project}. Every command with its output: {log}")
    if journal.has_begun:
        say("An earlier run was interrupted; it is continued.")
    try:
        is_good = Runner(steps, journal, say).run(only_always=only_tear_down)
    except KeyboardInterrupt:
        say(_INTERRUPTED.format(project=place.project) if _is_made(journal) else "\nInterrupted.")
        return Exit.INTERRUPTED
    results = dict(journal.results())
    if not _is_made(journal):
        say("\nNothing was made.")
        journal.forget()
        return Exit.NOT_IN_STEP
    say("\n" + "\n".join(report_lines(steps, results)))
    removing = [step.name for step in steps if step.always and step.name != LEFT]
    if any(results[name].state is not State.DONE for name in removing):
        say(_AGAIN.format(project=place.project))
        return Exit.COULD_NOT_RUN
    if not only_tear_down:
        memory = journal.memory
        names = [place.project, str(memory["number"]), memory["account"]]
        setting = Setting(datetime.now(UTC).date().isoformat(), _commit(), place.region, place.tier)
        record = recorded(setting, steps, results, names)
        write_record(record)
        PAGE.write_text(page(record), encoding="utf-8")
        say(f"\nPlease commit {_shown(RECORD)} and {_shown(PAGE)}: what was found, without names.")
    journal.put_away()
    if results[LEFT].state is not State.DONE:
        say(_LEFT.format(project=place.project))
        return Exit.COULD_NOT_RUN
    return Exit.IN_STEP if is_good else Exit.NOT_IN_STEP


def _asked(question: str) -> str:
    """Ask the person; nobody there is no answer."""
    try:
        return input(f"{INDENT}{question}")
    except EOFError:
        return ""


def _is_made(journal: Journal) -> bool:
    return bool(journal.memory.get("made"))


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _commit() -> str:
    """Return the checkout's commit; empty if it is not known."""
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


_INTERRUPTED = """
Interrupted. What was made is still there, and costs a little. To go on, run the same command again;
to remove it: make rehearse PROJECT={project} KEY_FILE=... ARGS=--tear-down"""

_AGAIN = """
Something is left in {project}. Run the same command again: it only tears down what is left."""

_LEFT = """
Something may be left in {project}: the last step names it. Remove it, or delete the project."""
