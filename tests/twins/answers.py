"""A model that replies what a test tells it, and remembers what it was asked."""

from __future__ import annotations

from collections import deque

from shared.domain.ask.reply import Passage, Reply, Support, Tokens
from shared.domain.errors import GatewayError
from shared.gateways.ports import Inquiry

TOKENS = Tokens(input=1000, output=100)


class ScriptedAnswers:
    """``Answers`` with replies in a row; without one, it knows nothing."""

    def __init__(self, *replies: Reply | GatewayError) -> None:
        self.replies = deque(replies)
        self.asked: list[Inquiry] = []

    def ask(self, inquiry: Inquiry) -> Reply:
        self.asked.append(inquiry)
        reply = self.replies.popleft() if self.replies else Reply("I don't know.", (), (), TOKENS)
        if isinstance(reply, GatewayError):
            raise reply
        return reply


def supported(text: str, *passages: Passage) -> Reply:
    """A reply whose whole text is supported by all of these passages."""
    support = Support(len(text.encode()), tuple(range(len(passages))))
    return Reply(text, passages, (support,), TOKENS)
