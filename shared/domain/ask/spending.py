"""What the questions of a day cost. They have a limit of their own, apart from the imports'.

Before a question is sent, the most it can cost is reserved. Its reply says what it did cost. Where
no reply came, or one that does not say so, the reservation stays, since it may be charged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from shared.domain.errors import Exhausted
from shared.domain.estimate.prices import AnswerPrice
from shared.domain.figures import amount
from shared.domain.throttle.holds import quota_day

MAX_OUTPUT_TOKENS: Final = 4096
"""Most tokens of an answer, with the model's thoughts."""

PASSAGES: Final = 10
"""Passages that the search may find for a question."""

MOST_INPUT_TOKENS: Final = 24_000
"""Most tokens of a question with its passages: ten passages of 512 words, and up to four tokens a
word; an assumption."""

KEPT: Final = timedelta(days=90)
"""How long a day's record is kept."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class DaySpending:
    """The questions of a quota day, at ``asks/{date}``.

    Attributes:
        cost: US dollars: what answers cost, and what is reserved for those under way.
        questions: Number of questions that were sent, without those that were refused.
        expires_at: When the database may drop the record.
    """

    expires_at: datetime
    cost: float = 0.0
    questions: int = 0
    schema_version: int = 1


def most_expensive(price: AnswerPrice) -> float:
    """The most that one answer is assumed to cost, in US dollars."""
    return price.cost(MOST_INPUT_TOKENS, MAX_OUTPUT_TOKENS)


def reserved(
    day: DaySpending | None, price: AnswerPrice, limit: float, now: datetime
) -> DaySpending:
    """The day with one more question.

    Raises:
        Exhausted: It could cost more than is left of the day's limit.
    """
    day = day or DaySpending(now + KEPT)
    most = most_expensive(price)
    if day.cost + most > limit + _ROUNDING:
        raise Exhausted(
            f"an answer of {price.model} can cost up to {amount(most)} USD, and of the "
            f"{limit:g} USD that MAX_ASK_COST_PER_DAY allows, {amount(day.cost)} are spent or "
            "reserved. The day ends at midnight in California"
        )
    return replace(day, cost=day.cost + most, questions=day.questions + 1)


def settled(day: DaySpending, price: AnswerPrice, cost: float) -> DaySpending:
    """The day after an answer that cost this much."""
    return replace(day, cost=max(day.cost - most_expensive(price) + cost, 0.0))


def given_back(day: DaySpending, price: AnswerPrice) -> DaySpending:
    """The day without a question that the service refused."""
    return replace(settled(day, price, 0.0), questions=max(day.questions - 1, 0))


def day_of(now: datetime) -> str:
    """The quota day, as a date."""
    return quota_day(now).isoformat()
