"""Answers the questions about tokens: the Gemini API and OAuth, and a token's audience."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from local.rehearsal.google.commands import Commands
from local.rehearsal.google.place import Place
from local.rehearsal.google.rest import get, message_of
from local.rehearsal.programs import CommandFailed, Programs
from local.rehearsal.questions import Question
from local.rehearsal.step import Findings, Step
from shared.gateways.gemini.connection import API_VERSION, SERVICE_URL

GEMINI = "generativelanguage.googleapis.com"
STORES = f"{SERVICE_URL}{API_VERSION}/fileSearchStores?pageSize=20"
TRIES = 9
"""A new grant and a new service take up to some minutes to hold."""

LOOK_AGAIN = 20.0
UPLOAD = "upload"
_OK = 200


class TokenQuestions:
    """The step about tokens.

    Args:
        place: Where the deployment is.
        programs: Runs the commands.
        wait: Waits so many seconds.
    """

    def __init__(
        self, place: Place, programs: Programs, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._place = place
        self._run = programs.run
        self._commands = Commands(place)
        self._wait = wait

    def play(self, findings: Findings) -> None:
        """Answer both questions."""
        self._audience(findings)
        self._oauth(findings)

    def _audience(self, findings: Findings) -> None:
        job = json.loads(self._run(self._commands.supervise_job()))
        audience = job.get("httpTarget", {}).get("oidcToken", {}).get("audience", "")
        code = job.get("status", {}).get("code", 0)
        is_numbered = f"-{findings.memory['number']}." in audience
        is_called = bool(job.get("lastAttemptTime"))
        findings.answer(
            Question.NUMBERED_AUDIENCE,
            f"{'Yes' if code == 0 else 'No'}: the token of Scheduler's last call is for "
            f"{'such an address' if is_numbered else 'another address'}, and the call ended with "
            f"code {code}.",
            is_settled=is_numbered and is_called,
        )

    def _oauth(self, findings: Findings) -> None:
        account = self._place.account(UPLOAD)
        person = f"user:{findings.memory['account']}"
        self._run(self._commands.enable(GEMINI))
        self._run(self._commands.allow_impersonation(account, person))
        token = self._token(account)
        status: int = 0
        answer: Any = {}
        for _ in range(TRIES):
            status, answer = get(STORES, token, {"x-goog-user-project": self._place.project})
            if status == _OK or "has not been used" not in message_of(answer):
                break
            self._wait(LOOK_AGAIN)
        if status == _OK:
            text = f"Yes: it listed stores ({len(answer.get('fileSearchStores', ()))})."
        else:
            text = f"No: {status}, {message_of(answer)}"
        findings.answer(Question.OAUTH_TOKEN, text)

    def _token(self, account: str) -> str:
        """Return a token of a service account, once the grant holds."""
        tries = 0
        while True:
            tries += 1
            try:
                return self._run(self._commands.token_of(account)).strip()
            except CommandFailed:
                if tries == TRIES:
                    raise
            self._wait(LOOK_AGAIN)

    def step(self) -> Step:
        """Return the step."""
        commands = self._commands
        account = self._place.account(UPLOAD)
        return Step(
            name="tokens",
            title="Find out what is open about tokens",
            about="Whether functions need the key, and for which address a token may be made.",
            play=self.play,
            commands=(
                commands.supervise_job(),
                commands.enable(GEMINI),
                commands.allow_impersonation(account, "user:ACCOUNT"),
                commands.token_of(account),
            ),
            minutes=3,
        )
