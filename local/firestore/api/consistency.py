"""As of when a request reads: now, in a transaction, or in the past."""

from __future__ import annotations

from dataclasses import dataclass

from local.firestore.api.databases import Opened
from local.firestore.engine.transactions import Transaction
from local.firestore.query.document import Micros
from local.firestore.query.query import Query
from local.firestore.refusals import invalid, unimplemented
from local.firestore.wire.messages import Message, TransactionOptions, set_micros

_OPTIMISTIC = TransactionOptions.ConcurrencyMode.Value("OPTIMISTIC")


@dataclass(frozen=True, slots=True)
class Reading:
    """How one request reads.

    Attributes:
        at: A time in the past; None reads the present.
        shown: The read time of the answers.
        transaction: The transaction that gets the locks, or None.
        begun: The id of the transaction that the request has begun; empty for none.
    """

    at: Micros | None
    shown: Micros
    transaction: Transaction | None
    begun: bytes = b""

    def lock(self, *paths: str, query: Query | None = None) -> None:
        """Keep others from changing what was read, until the transaction ends."""
        if self.transaction is not None and self.transaction.read_time is None:
            self.transaction.documents.update(paths)
            if query is not None:
                self.transaction.queries.append(query)

    def stamp(self, message: Message) -> Message:
        """Set the read time of an answer."""
        set_micros(message.read_time, self.shown)
        return message


def reading(opened: Opened, request: Message) -> Reading:
    """What a request says about it.

    Raises:
        Refused: INVALID_ARGUMENT: the transaction has ended, or the time is to come. ABORTED: an
            older transaction won.
    """
    selector = request.WhichOneof("consistency_selector")
    now = opened.database.now()
    if selector == "transaction":
        return _within(opened.transactions.used(request.transaction), now)
    if selector == "new_transaction":
        begun = begin(opened, request.new_transaction)
        within = _within(begun, now)
        return Reading(within.at, within.shown, begun, begun.name)
    if selector == "read_time":
        at = past(opened, request.read_time)
        return Reading(at, at, None)
    return Reading(None, now, None)


def begin(opened: Opened, options: Message) -> Transaction:
    """Begin a transaction with these options.

    Raises:
        Refused: UNIMPLEMENTED: it is to be optimistic.
    """
    if options.WhichOneof("mode") == "read_only":
        read_only = options.read_only
        chosen = read_only.WhichOneof("consistency_selector") == "read_time"
        at = past(opened, read_only.read_time) if chosen else opened.database.now()
        return opened.transactions.begin(read_time=at)
    if options.read_write.concurrency_mode == _OPTIMISTIC:
        raise unimplemented("Optimistic transactions are not supported by the local Firestore.")
    return opened.transactions.begin(retried=options.read_write.retry_transaction)


def past(opened: Opened, message: Message) -> Micros:
    """A read time, which can't be in the future."""
    at: Micros = message.seconds * 1_000_000 + message.nanos // 1000
    if at > opened.database.now():
        raise invalid("The requested 'read_time' cannot be in the future.")
    return at


def _within(transaction: Transaction, now: Micros) -> Reading:
    at = transaction.read_time
    return Reading(at, now if at is None else at, transaction)
