"""The command `doctor`."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from local.fss.command_line.command import command
from local.fss.command_line.options import deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.deployment.checkup import Finding, examined
from local.fss.deployment.client import checked_url
from local.fss.deployment.outcome import Exit
from local.printable import printable
from shared.code_digest import code_digest


@command(examples=("fss doctor", "fss doctor --profile prod"))
@deployment_options
@pass_run
def doctor(run: Run) -> Exit:
    """Look whether a deployment is in order: one line for each thing, with what mends it.

    Looks at URLs, token, code, clocks, records, bucket, queues, key, store and Scheduler. Waits up
    to a minute for a call of Scheduler. The exit code is 1 if anything is wrong.
    """

    def wait(span: timedelta) -> None:
        with run.output.display() as display:
            display.wait_for("Scheduler's call of the supervisor")
            time.sleep(span.total_seconds())

    place = run.place()
    if not (place.dispatcher or place.status):
        checked_url(None)  # says how to name a deployment
    found: list[Finding] = []
    looks = examined(run.deployment(), code=code_digest(), now=lambda: datetime.now(UTC), wait=wait)
    for each in looks:
        found.append(each)
        run.output.part(_line(each))
    faults = [each for each in found if not each.ok]
    end = f"{len(faults)} of {len(found)} need mending." if faults else "All is in order."
    run.output.answer({"ok": not faults, "findings": [asdict(each) for each in found]}, end)
    return Exit.NOT_IN_STEP if faults else Exit.IN_STEP


def _line(found: Finding) -> str:
    mend = f"; {found.mend}" if found.mend else ""
    return printable(f"{'ok   ' if found.ok else 'FAULT'} {found.check:<10} {found.detail}{mend}")
