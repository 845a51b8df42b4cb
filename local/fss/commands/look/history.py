"""The command `history`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile

from local.fss.command_line.command import command, option
from local.fss.command_line.options import deployment_options
from local.fss.command_line.run import Run, pass_run
from local.fss.command_line.values import COUNT, Kind
from local.fss.deployment.outcome import Exit
from local.fss.report.history import changed_lines, changed_since, history_lines

MOST = 20
"""Batches that are shown unless more, or all since a time, are asked for."""

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def since(text: str, now: datetime) -> datetime:
    """Read ``7d``, ``12h``, a date or a time; a time without a zone is in UTC.

    Raises:
        ValueError: It is neither.
    """
    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdigit() and unit in _UNITS:
        try:
            return now - timedelta(**{_UNITS[unit]: int(number)})
        except OverflowError:
            raise ValueError(f"{text!r} is too long ago") from None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time; say 7d, 12h, 2026-01-31 or 2026-01-31T08:00"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


@command(
    examples=("fss history", "fss history --since 7d", "fss history --since 2026-01-31 --json")
)
@deployment_options
@option(
    "--since",
    "after",
    type=Kind("WHEN", lambda text: since(text, datetime.now(UTC))),
    metavar="WHEN",
    help="All batches that began since then, and what changed: 7d, 12h, a date or a time.",
)
@option(
    "--limit", type=COUNT, metavar="N", help=f"At most N batches; else {MOST}, or all since WHEN."
)
@pass_run
def history(run: Run, *, after: datetime | None, limit: int | None) -> Exit:
    """List the batches, the latest first, with what each did.

    With --since, also what changed since then: new, changed, removed and failed files, and the
    cost.
    """
    most = limit if limit is not None else None if after else MOST
    listed = run.deployment().history(most)
    if after is None:
        batches = list(listed)
        run.output.answer(
            {"batches": batches}, "\n".join(history_lines(batches)) or "No batch yet."
        )
        return Exit.IN_STEP
    batches = list(takewhile(lambda each: _began(each) >= after, listed))
    together = changed_since(batches)
    text = "\n".join([*changed_lines(after.isoformat(), together), *history_lines(batches)])
    run.output.answer({"since": after.isoformat(), "changed": together, "batches": batches}, text)
    return Exit.IN_STEP


def _began(batch: dict[str, object]) -> datetime:
    """When a batch began; one that has not begun is the latest."""
    text = batch.get("started_at")
    return datetime.fromisoformat(str(text)) if text else datetime.max.replace(tzinfo=UTC)
