"""What one new file costs beside its embedding, item by item.

A sync of new files runs in virtual time on the in-memory twins, with the latencies that
``latencies.py`` names. Every read, write, call and log line is counted, also the supervisor's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass

from shared.domain.estimate.prices import load_prices
from shared.domain.source.tokens import BYTES_PER_TOKEN
from shared.process import JsonFormatter
from tests.benchmarks.latencies import Latencies
from tests.benchmarks.price.instances import Billed, Kind, billed, kinds
from tests.benchmarks.price.price_table import price_of
from tests.rated_world import RatedWorld

REQUEST_LOG, ENTRY = 1200, 400
"""Bytes, assumed: Cloud Run's own entry for each request, and what Cloud Logging adds to each line
(the resource, the labels, the times)."""

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a file's bill.

    Attributes:
        name: What it is.
        amount: How much of it a file takes, in the unit that the name tells.
        dollars: What that costs.
    """

    name: str
    amount: float
    dollars: float


@dataclass(frozen=True, slots=True)
class Bill:
    """The items of one file at one tier.

    Attributes:
        tier: The tier.
        tokens: The file's tokens.
        items: The items, the dearest first.
        embedding: What the embedding costs.
    """

    tier: str
    tokens: int
    items: tuple[Item, ...]
    embedding: float

    @property
    def total(self) -> float:
        """US dollars without the embedding."""
        return sum(item.dollars for item in self.items)

    @property
    def share(self) -> float:
        """All items as a share of the embedding's price."""
        return self.total / self.embedding

    def amount(self, name: str) -> float:
        """How much of an item a file takes."""
        return next(item.amount for item in self.items if item.name == name)

    def dollars(self, name: str) -> float:
        """What an item costs."""
        return next(item.dollars for item in self.items if item.name == name)


def bill(tier: str, tokens: int, count: int) -> Bill:
    """The bill of one file among so many new ones."""
    rated = RatedWorld(tier, count, has_many=True, max_imports_in_progress=None)
    content = b"x" * round(tokens * BYTES_PER_TOKEN)
    for number in range(count):
        rated.world.bucket.put(f"{number:06}.md", content)
    Latencies(rated)
    world = rated.world
    reads, writes = world.documents.reads, world.documents.writes
    with _lines() as logged:
        rated.play_out()
    rated.close()
    price = load_prices().price_of("")
    assert price is not None
    of_tier = kinds(rated.tier)
    spans = {name: [s for s in rated.spans if s.function == name] for name in of_tier}
    deleted = sum(map(_expiring, world.documents._collections.items()))
    queues, bucket = world.queues.calls, world.bucket.calls
    operations = queues["create"] + queues["exists"] + rated.calls
    looked_at = bucket["open"] + bucket["stat"] + world.bucket.heads_read
    log_bytes = sum(logged) + len(logged) * ENTRY + len(rated.spans) * REQUEST_LOG
    amounts = {
        "reads": ((world.documents.reads - reads), "read"),
        "writes": ((world.documents.writes - writes), "write"),
        "deletions of what expires": (deleted, "delete"),
        "task operations": (operations, "task_operation"),
        "requests": (len(rated.spans), "request"),
        "log bytes": (log_bytes, "log_gib"),
        "lists of the bucket": (bucket["list_objects"], "class_a"),
        "reads of the bucket": (looked_at, "class_b"),
    }
    items = [
        Item(name, amount / count, amount / count * price_of(what) / (GIB if "log" in what else 1))
        for name, (amount, what) in amounts.items()
    ]
    for name, kind in of_tier.items():
        items += _instance_items(name, billed(spans[name], kind), kind, count)
    items.sort(key=lambda item: item.dollars, reverse=True)
    return Bill(tier, tokens, tuple(items), price.cost(tokens))


def _instance_items(name: str, times: Billed, kind: Kind, count: int) -> Iterator[Item]:
    second = kind.vcpu * price_of("vcpu_second") + kind.gib * price_of("gib_second")
    for what, seconds in (("", times.busy), (" starting", times.starting)):
        yield Item(f"seconds of {name}{what}", seconds / count, seconds / count * second)


def _expiring(collection: tuple[str, Sized]) -> int:
    """How many documents of a collection expire: those of indexes.tf, without the batches."""
    path, documents = collection
    return len(documents) if path.rpartition("/")[2] in {"operations", "pages", "window"} else 0


@contextmanager
def _lines() -> Iterator[list[int]]:
    """The bytes of each line that the functions log meanwhile."""
    sizes: list[int] = []
    formatter = JsonFormatter()

    class Counting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            sizes.append(len(formatter.format(record).encode()))

    handler, root = Counting(), logging.getLogger()
    level, others, disabled = root.level, root.handlers[:], root.manager.disable
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.disable(logging.NOTSET)
    try:
        yield sizes
    finally:
        root.handlers[:] = others
        root.setLevel(level)
        logging.disable(disabled)
