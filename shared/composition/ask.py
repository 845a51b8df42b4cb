"""What the ask function does."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from shared.composition.records import records
from shared.config import AskSettings
from shared.gateways.clock import SystemClock
from shared.services.ask.ask_store import AskStore

TIMEOUT = timedelta(seconds=90)
"""Time for an answer: a model may think for a minute. The function's own timeout is 120 seconds."""


@cache
def ask(settings: AskSettings) -> AskStore:
    """The use case that answers questions."""
    from shared.gateways.gemini.answering import GeminiAnswers

    return AskStore(
        identity=settings,
        limit=settings.max_ask_cost_per_day,
        records=records(settings),
        asked=records(settings, settings.ask_database),
        answers=GeminiAnswers(
            settings.gemini_api_key.get_secret_value(),
            base_url=settings.gemini_base_url,
            timeout=TIMEOUT,
        ),
        clock=SystemClock(),
    )
