"""A world with documents, and the use case that answers questions from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.domain.ask.reply import Passage, Reply
from shared.domain.ask.request import AskRequest
from shared.domain.errors import GatewayError
from shared.gateways.database.records import Records
from shared.gateways.ports import Query, Write
from shared.services.ask.ask_store import AskStore
from tests.twins.answers import ScriptedAnswers
from tests.twins.documents import MemoryDocuments
from tests.twins.passing import PassingDocuments
from tests.world import World


class ReadOnly(PassingDocuments):
    """The documents of the syncs, as the ask function's account may use them."""

    def commit(self, writes: Sequence[Write]) -> list[object]:
        raise AssertionError(f"the records of the syncs are only read: {writes}")


class Asking:
    """Questions to a world."""

    def __init__(self, world: World, *replies: Reply | GatewayError, limit: float = 1.0) -> None:
        self.world = world
        self.answers = ScriptedAnswers(*replies)
        self.asked = MemoryDocuments(world.clock)
        self.use = AskStore(
            identity=world.rules.settings,
            limit=limit,
            records=Records(ReadOnly(world.documents), world.clock),
            asked=Records(self.asked, world.clock),
            answers=self.answers,
            clock=world.clock,
        )

    def ask(self, question: str = "Why?", **more: Any) -> dict[str, Any]:
        return self.use(AskRequest(question=question, **more))

    def spent(self) -> list[tuple[str, float, int]]:
        """Path, cost and number of questions of each day."""
        days = self.asked.query(Query("asks"))
        return [
            (each.path, each.fields["cost"], each.fields["questions"])
            for each in days
            if each.fields is not None
        ]


def passage_of(world: World, path: str, **more: Any) -> Passage:
    """A passage of the file's document, as the service tells it."""
    wanted = world.file(path).current
    assert wanted is not None
    (document,) = [each for each in world.store_documents() if each.name == wanted.document]
    return Passage(document.display_name, metadata=document.metadata, **more)
