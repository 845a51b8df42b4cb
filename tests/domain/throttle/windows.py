"""Windows of the breaker, written as letters."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.throttle.breaker_window import EntryOutcome, WindowEntry

_OUTCOMES = {"s": EntryOutcome.SUCCESS, "t": EntryOutcome.THROTTLED}


def entries(
    newest_first: str, newest: datetime, *, every: float = 1, generation: int = 0
) -> list[WindowEntry]:
    """Entries such as "tss": a 429, then two older successes, each ``every`` seconds older."""
    return [
        WindowEntry(
            newest - timedelta(seconds=every * place), _OUTCOMES[letter], generation=generation
        )
        for place, letter in enumerate(newest_first)
    ]
