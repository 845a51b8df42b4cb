"""Last step of the apply's build: nobody gets in without a token, and a dry run completes.

A dry run lists the bucket and compares it with the records; it changes nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus

from steps.google_api import Answer, Google, Refused, call

TRIES = 60
PAUSE_S = 10

CLOSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def smoke_test(
    google: Google, environment: Mapping[str, str], wait: Callable[[float], None]
) -> str:
    """Try what was deployed; return what to print.

    Raises:
        Refused: A function answers somebody without a token, or the dry run doesn't complete in ten
            minutes.
    """
    account = environment["DEPLOYER"]
    dispatcher, status = environment["DISPATCHER_URL"], environment["STATUS_URL"]
    for url in (dispatcher, status):
        answered = call(url).status
        if answered not in CLOSED:
            raise Refused(f"{url} answers {answered} without a token; it must answer 401 or 403")

    body = json.dumps({"dry_run": True}).encode()
    started = call(f"{dispatcher}/sync", google.identity_token(account, dispatcher), body)
    if started.status == HTTPStatus.CONFLICT and "batch_id" in started.json():
        return "Another sync is at work, so all answers."
    batch = _expect(started, HTTPStatus.ACCEPTED)["batch_id"]
    for _ in range(TRIES):
        token = google.identity_token(account, status)
        state = _expect(call(f"{status}/batches/{batch}", token), HTTPStatus.OK)["status"]
        if state == "completed":
            return f"The dry run {batch} completed."
        if state != "running":
            raise Refused(f"the dry run {batch} ended as {state}")
        wait(PAUSE_S)
    raise Refused(f"the dry run {batch} didn't end in {TRIES * PAUSE_S} seconds")


def _expect(answer: Answer, status: HTTPStatus) -> Mapping[str, str]:
    if answer.status != status:
        raise Refused(f"{answer.status} instead of {status}: {answer.body[:500]!r}")
    found: Mapping[str, str] = answer.json()
    return found


if __name__ == "__main__":
    try:
        print(smoke_test(Google(), os.environ, time.sleep))
    except (Refused, OSError) as error:
        sys.exit(str(error))
