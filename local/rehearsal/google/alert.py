"""Makes an alert fire: a sync that a guard refuses."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from local.rehearsal.google.commands import Commands
from local.rehearsal.google.deployment import GoogleDeployment
from local.rehearsal.google.rest import get, message_of
from local.rehearsal.library.syncs import Library, begin, end, synced
from local.rehearsal.programs import Programs
from local.rehearsal.step import Findings, Step, StepFailed

ALERTS = "https://monitoring.googleapis.com/v3/projects/{project}/alerts"
"""Source: REST reference, projects.alerts."""

POLICY = "Sync refused or failed"
GIVEN_UP = "crafts/Knots.md"
"""The file that is removed, and whose removal the guard refuses."""

SECONDS = 1200.0
"""How long an alert may take: metrics from logs, an evaluation, a notification."""

LOOK_AGAIN = 20.0


class AlertTest:
    """The step that makes an alert fire.

    Args:
        deployment: The deployment.
        library: The folder that it syncs.
        programs: Runs the commands.
        wait: Waits so many seconds.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        deployment: GoogleDeployment,
        library: Library,
        programs: Programs,
        *,
        wait: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deployment = deployment
        self._library = library
        self._programs = programs
        self._commands = Commands(deployment.place)
        self._wait = wait
        self._clock = clock

    def play(self, findings: Findings) -> None:
        """Remove a file, sync so that the guard refuses, wait for the alert, then allow it."""
        (self._library.folder / GIVEN_UP).unlink(missing_ok=True)
        self._library.put()
        client = self._deployment.client()
        batch_id = begin(client, self._deployment, findings, max_deletes=0)
        summary = end(client, self._deployment, findings, batch_id)
        findings.check(
            "the sync is refused", summary["status"] == "refused", str(summary["status"])
        )
        began = self._clock()
        opened = self._wait_for_alert(str(summary["started_at"]))
        findings.check(
            f'the alert "{POLICY}" opens',
            opened is not None,
            f"after {self._clock() - began:.0f} s" if opened else f"not in {SECONDS:.0f} s",
        )
        findings.say(
            f"Look whether an e-mail about it is at {findings.memory['account']}: that can't be "
            "checked from here."
        )
        synced(self._deployment, findings, max_deletes=1)

    def _wait_for_alert(self, after: str) -> dict[str, Any] | None:
        """Return the alert that opened after a time; None if there is none in time."""
        give_up_at = self._clock() + SECONDS
        while True:
            for alert in self._alerts():
                if POLICY in alert.get("policy", {}).get("displayName", "") and _time(
                    alert.get("openTime", "")
                ) >= _time(after):
                    return alert
            if self._clock() > give_up_at:
                return None
            self._wait(LOOK_AGAIN)

    def _alerts(self) -> Iterator[dict[str, Any]]:
        url = ALERTS.format(project=self._deployment.place.project)
        token = self._programs.run(self._commands.access_token()).strip()
        page = ""
        while True:
            query = urllib.parse.urlencode({"pageSize": 100, "pageToken": page})
            status, answer = get(f"{url}?{query}", token)
            if status != 200:  # noqa: PLR2004 - OK
                raise StepFailed(f"alerts can't be listed: {status}, {message_of(answer)}")
            yield from answer.get("alerts", ())
            page = answer.get("nextPageToken", "")
            if not page:
                return

    def step(self) -> Step:
        """Return the step."""
        return Step(
            name="alert",
            title="Make an alert fire",
            about=(
                f"A file is removed, and a sync that may delete nothing is refused. The alert "
                f'"{POLICY}" must open, and send an e-mail.'
            ),
            play=self.play,
            commands=(self._commands.access_token(),),
            minutes=8,
        )


def _time(text: str) -> datetime:
    """Return a time of RFC 3339 in whole seconds; the beginning of time if there is none."""
    try:
        return datetime.fromisoformat(f"{text[:19]}+00:00")
    except ValueError:
        return datetime.fromisoformat("0001-01-01T00:00:00+00:00")
