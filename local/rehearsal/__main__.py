"""`python -m local.rehearsal`: a deployment's whole life, here or in a project of Google Cloud."""

from __future__ import annotations

import argparse
import re
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from local.fss.deployment.outcome import Exit
from local.packaging import ROOT
from local.printable import printable_lines
from local.rehearsal.google.key import UnusableKey, read_key
from local.rehearsal.google.place import Place, new_deployment
from local.rehearsal.journal import Journal, UnusableJournal
from local.rehearsal.local_stack import LocalDeployment, local_steps
from local.rehearsal.page import example_steps
from local.rehearsal.progress import IndentedLines
from local.rehearsal.project import rehearse
from local.rehearsal.report import report_lines
from local.rehearsal.runner import Runner
from shared.domain.throttle.tiers import default_tier, load_tiers

REGION = "us-central1"

FOLDER = ".rehearsal"
"""Below the checkout; `make clean` keeps it, because it knows what is left in projects."""

FASTEST = 200
"""Metered requests a minute. At more, it takes thousands of files to keep a sync busy while other
code is deployed."""

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")


def main(argv: Sequence[str] | None = None) -> int:
    """Play a rehearsal; return 0 if all is as it should be, and 1 if something isn't."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, _terminate)
    if arguments.list:
        _list_steps()
        return Exit.IN_STEP
    if bool(arguments.project) != bool(arguments.key_file):
        parser.error("PROJECT and KEY_FILE go together; without both, the local stack is used")
    if not arguments.project:
        return rehearse_locally(arguments.earlier)
    if not _PROJECT.fullmatch(arguments.project):
        parser.error(f"{arguments.project!r} is no project's id")
    place = Place(
        arguments.project,
        arguments.region,
        arguments.tier,
        ROOT / FOLDER / arguments.project,
        new_deployment(),
    )
    try:
        return rehearse(
            place,
            read_key(arguments.key_file),
            _say,
            commit=arguments.earlier,
            only_tear_down=arguments.tear_down,
        )
    except (UnusableKey, UnusableJournal) as error:
        print(printable_lines(f"rehearse: {error}"), file=sys.stderr)
        return Exit.USAGE


def rehearse_locally(commit: str | None) -> int:
    """Play what needs no project, on the local stack."""
    with tempfile.TemporaryDirectory(prefix="fss-rehearsal-") as scratch:
        deployed = LocalDeployment(Path(scratch), IndentedLines(sys.stdout))
        steps = local_steps(deployed, Path(scratch), commit)
        journal = Journal(None)
        _say(_LOCAL)
        try:
            is_good = Runner(steps, journal, _say).run()
        except KeyboardInterrupt:
            _say("\nInterrupted; everything has been stopped.")
            return Exit.INTERRUPTED
        finally:
            deployed.stack.stop()
        _say("\n" + "\n".join(report_lines(steps, dict(journal.results()))))
        return Exit.IN_STEP if is_good else Exit.NOT_IN_STEP


def _list_steps() -> None:
    """Print the steps of a rehearsal in a project, and the commands that each may run."""
    for number, step in enumerate(example_steps(), 1):
        _say(f"{number:>2}  {step.title}: {step.about}")
        for command in step.commands:
            _say(f"      {command}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make rehearse", description=__doc__)
    parser.add_argument("--project", metavar="ID", help="an empty project; PROJECT= of make")
    parser.add_argument(
        "--key-file", type=Path, metavar="FILE", help="has the Gemini key; KEY_FILE= of make"
    )
    parser.add_argument("--region", default=REGION, help=f"of all parts; {REGION} unless told")
    parser.add_argument(
        "--tier",
        choices=[name for name, tier in load_tiers().items() if tier.rpm <= FASTEST],
        default=default_tier().name,
        help=f"the quota tier of the key, or a slower one; {default_tier().name} unless told",
    )
    parser.add_argument(
        "--earlier",
        metavar="COMMIT",
        help="the version to roll back to and to upgrade from; unless told, the latest of main "
        "whose functions differ from today's",
    )
    parser.add_argument(
        "--tear-down",
        action="store_true",
        help="remove what an interrupted rehearsal made, and do nothing else",
    )
    parser.add_argument(
        "--list", action="store_true", help="print the steps and their commands, and play nothing"
    )
    return parser


def _say(text: str) -> None:
    print(printable_lines(text), flush=True)


def _terminate(*_: object) -> NoReturn:
    raise KeyboardInterrupt


_LOCAL = """\
The rehearsal on this machine: no account, no key, no cost. A simulator stands in for Gemini; the
cost in a summary is what the real service would take.
With PROJECT=... and KEY_FILE=... it is played in a project of Google Cloud, and asks first."""


if __name__ == "__main__":
    sys.exit(main())
