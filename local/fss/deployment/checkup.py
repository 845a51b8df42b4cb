"""Looks whether a deployment is in order, from here: URLs, functions, and what these find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from local.fss.deployment.client import Deployment
from local.fss.deployment.outcome import Failure
from local.printable import printable_values

CLOCKS: Final = timedelta(seconds=60)
"""Difference of the clocks here and there from which a token may be refused."""

TICK: Final = timedelta(seconds=60)
"""Time between two calls of the supervisor, before division by the time scale."""

LATE: Final = 2.5
"""Times ``TICK`` without a call after which none comes any more."""

_SCHEDULER: Final = (
    "see whether Scheduler's job ...-supervise is enabled and may call the dispatcher: "
    "gcloud scheduler jobs list"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; see ``shared.services.health.Finding``."""

    check: str
    ok: bool
    detail: str
    mend: str = ""


def examined(
    deployment: Deployment,
    *,
    code: str,
    now: Callable[[], datetime],
    wait: Callable[[timedelta], None],
) -> Iterator[Finding]:
    """Yield what is found, each as soon as it is known.

    Args:
        deployment: The deployment.
        code: The digest of the code here.
        now: The clock here.
        wait: Waits for a call of the supervisor that may still come.
    """
    digests = {}
    try:
        found = printable_values(deployment.status_version())
        yield (answers := _answers("status", found))
        if answers.ok:
            digests["the status function"] = found["code"]
    except Failure as failure:
        yield _refused("status", failure)
    try:
        health = printable_values(deployment.health())
        yield (answers := _answers("dispatcher", health))
        if not answers.ok:
            return
    except Failure as failure:
        yield _refused("dispatcher", failure)
        return
    digests["the dispatcher"] = health["code"]
    if deployment.answers:
        try:
            deployment.find_ask()
            yield Finding("ask", ok=True, detail="answers")
        except Failure as failure:
            yield _refused("ask", failure)
    yield _code(digests, code)
    yield _clock(datetime.fromisoformat(health["time"]), now())
    for each in health["findings"]:
        yield Finding(each["check"], each["ok"], each["detail"], each["mend"])
    yield _supervised(deployment, health, wait)


def _answers(check: str, health: Mapping[str, Any]) -> Finding:
    """Whether it is the right function that answers."""
    if (function := health.get("function")) == check:
        return Finding(check, ok=True, detail="answers")
    detail = f"its URL is that of {function or 'something else'}"
    return Finding(check, ok=False, detail=detail, mend="swap the two URLs, or see fss init")


def _refused(check: str, failure: Failure) -> Finding:
    """What a function that doesn't answer as it should means; its text says what to do."""
    if failure.status == HTTPStatus.NOT_FOUND and "swapped" not in str(failure):
        return Finding(
            check, ok=False, detail="it is of an earlier version", mend="deploy this one"
        )
    detail, _, mend = str(failure).replace("; ", ": ", 1).rpartition(": ")
    return Finding(check, ok=False, detail=detail or mend, mend=mend if detail else "")


def _code(digests: Mapping[str, str], here: str) -> Finding:
    if len(set(digests.values())) > 1:
        told = ", ".join(f"{name} has {digest}" for name, digest in digests.items())
        return Finding("code", ok=False, detail=told, mend="deploy all functions from one build")
    (digest,) = set(digests.values())
    other = "" if digest == here else f"; this fss is of other code, {here}"
    return Finding("code", ok=True, detail=f"{digest}{other}")


def _clock(there: datetime, here: datetime) -> Finding:
    apart = abs(there - here)
    if apart > CLOCKS:
        seconds = f"{apart.total_seconds():.0f} s"
        detail = f"this machine's clock and the dispatcher's differ by {seconds}"
        return Finding("clock", ok=False, detail=detail, mend="set this machine's clock")
    return Finding("clock", ok=True, detail="agrees with the dispatcher's")


def _supervised(
    deployment: Deployment, health: Mapping[str, Any], wait: Callable[[timedelta], None]
) -> Finding:
    """Whether Scheduler calls the supervisor; waits for a call if this process knows of none."""
    tick = TICK / float(health["time_scale"])
    if health["supervised_at"] is None:
        wait(tick * LATE / 2)
        health = deployment.health()
    if health["supervised_at"] is None:
        detail = f"it has not called the supervisor for {tick * LATE / 2 // timedelta(seconds=1)} s"
        return Finding("scheduler", ok=False, detail=detail, mend=_SCHEDULER)
    ago = datetime.fromisoformat(health["time"]) - datetime.fromisoformat(health["supervised_at"])
    seconds = f"{ago.total_seconds():.0f} s ago"
    if ago > tick * LATE:
        detail = f"it called the supervisor {seconds}, and not since"
        return Finding("scheduler", ok=False, detail=detail, mend=_SCHEDULER)
    return Finding("scheduler", ok=True, detail=f"called the supervisor {seconds}")
