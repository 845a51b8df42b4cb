"""Answers a question from the documents of the store, with sources by their real names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from shared.domain.ask import spending
from shared.domain.ask.answer import INSTRUCTION, answered
from shared.domain.ask.metadata_filter import MetadataFilter
from shared.domain.ask.plain_text import plain_text
from shared.domain.ask.reply import Reply
from shared.domain.ask.request import AskRequest
from shared.domain.ask.spending import DaySpending
from shared.domain.batch.batch import Batch, BatchStatus
from shared.domain.deployment.deployment import Deployment
from shared.domain.deployment.settings import IdentitySettings
from shared.domain.errors import (
    BadRequest,
    Exhausted,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Refused,
    Throttled,
)
from shared.domain.estimate.prices import AnswerPrice, load_prices
from shared.domain.ids import owner_tag
from shared.gateways.database import queries
from shared.gateways.database.records import DEPLOYMENT, Records, Stored, asks_path
from shared.gateways.ports import Answers, Clock, Inquiry
from shared.services.ask.sources import Sources

LATEST_BATCHES = 20
"""Batches among which the last complete one is looked for."""

ENDED = (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_FAILURES)
"""Ends of a sync at which the store has all that could be imported."""

CURRENCY = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStore:
    """The use case of one deployment.

    Attributes:
        identity: The bucket, prefix and name that the owner tag is made from.
        limit: US dollars that the questions of a quota day may cost.
        records: The records of the syncs, which are only read.
        asked: The database that holds what questions cost.
        answers: The model.
        clock: The current time.
    """

    identity: IdentitySettings
    limit: float
    records: Records
    asked: Records
    answers: Answers
    clock: Clock

    def __call__(self, request: AskRequest) -> dict[str, Any]:
        """The answer, as JSON-ready fields.

        Raises:
            Exhausted: The day's limit, or a quota of Gemini, is used up.
            Refused: No sync has made a store yet.
            GatewayError: The model can't be asked, or the records can't be read.
        """
        deployment = self.records.get(Deployment, DEPLOYMENT).record
        if deployment is None or not deployment.store:
            raise Refused("there is no store yet: start a sync first")
        price = load_prices().answers.price_of(request.model)
        identity = self.identity
        owner = owner_tag(
            bucket=identity.bucket, prefix=identity.prefix, deployment=identity.deployment
        )
        reply = self._paid(
            Inquiry(
                question=request.question,
                instruction=INSTRUCTION,
                model=price.model,
                store=deployment.store,
                metadata_filter=MetadataFilter.parse(request.filter).of_owner(owner),
                passages=spending.PASSAGES,
                max_output_tokens=spending.MAX_OUTPUT_TOKENS,
            ),
            price,
        )
        sources = Sources(self.records, identity.bucket, owner)
        ours = sources.ours(reply)
        answer = answered(reply, {index: index in ours for index in range(len(reply.passages))})
        as_of = self._as_of()
        return {
            "question": plain_text(request.question),
            "answer": answer.text,
            "supported": answer.is_supported,
            "stopped": plain_text(answer.stopped),
            "sources": [
                {"number": number, **ours[index]}
                for number, index in enumerate(answer.sources, start=1)
            ],
            "store_as_of": as_of.astimezone(UTC).isoformat() if as_of else None,
            "model": price.model,
            "tokens": reply.tokens and asdict(reply.tokens),
            "cost": _cost(reply, price),
            "currency": CURRENCY,
        }

    # --- what it costs ----------------------------------------------------------------------

    def _paid(self, inquiry: Inquiry, price: AnswerPrice) -> Reply:
        """The reply, once its cost fits into the day; what it did cost is written."""
        now = self.clock.now()
        path = asks_path(spending.day_of(now))
        self._spend(path, lambda day: spending.reserved(day, price, self.limit, now))
        try:
            reply = self.answers.ask(inquiry)
        except Throttled as error:
            self._spend(path, lambda day: spending.given_back(day, price) if day else None)
            raise Exhausted(
                f"Gemini's quota for {price.model} is used up ({error.quota}). Syncs are not "
                "affected. Ask again later"
            ) from error
        except OutcomeUnknown:
            raise  # it may be charged
        except (BadRequest, Forbidden, NotFound):
            self._spend(path, lambda day: spending.given_back(day, price) if day else None)
            raise
        cost = _cost(reply, price)
        if cost is not None:
            self._spend(path, lambda day: spending.settled(day, price, cost) if day else None)
        return reply

    def _spend(self, path: str, change: Callable[[DaySpending | None], DaySpending | None]) -> None:
        def decide(stored: Stored[DaySpending]) -> DaySpending | None:
            return change(stored.record)

        self.asked.change(DaySpending, path, decide)

    def _as_of(self) -> datetime | None:
        """When the last sync of the whole bucket that was completed began; None without one."""
        for stored in self.records.query(Batch, queries.latest_batches(LATEST_BATCHES)):
            batch = stored.present
            is_whole = batch.prefix == self.identity.prefix and not batch.dry_run
            if is_whole and batch.status in ENDED:
                return batch.created_at
        return None


def _cost(reply: Reply, price: AnswerPrice) -> float | None:
    """What the reply cost, in US dollars; None if the service doesn't tell what it charges."""
    return price.cost(reply.tokens.input, reply.tokens.output) if reply.tokens else None
