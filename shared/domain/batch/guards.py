"""What a sync may do without leave: deletions, imports and their cost.

Every guard refuses in the same way: it raises ``Refused`` with the figures and with what would
allow it. A dry run collects what they would say.
"""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.errors import Refused
from shared.domain.estimate.backlog import Backlog
from shared.domain.estimate.prices import Price
from shared.domain.figures import amount, size

FREE_DELETES = 50
"""So many deletions need no leave, however small the library is."""

FREE_DELETE_SHARE = 0.10
"""Nor does a tenth of it: more looks like a bad listing or a wrong prefix."""


def deletion_cap(indexed: int, asked: int | None) -> int:
    """How many documents one batch may delete of ``indexed`` ones (``asked`` overrides)."""
    return asked if asked is not None else max(FREE_DELETES, int(indexed * FREE_DELETE_SHARE))


def check_deletions(waiting: int, staying: int, max_deletes: int | None) -> None:
    """Refuse to delete ``waiting`` documents, while ``staying`` others stay, if that is too many.

    Raises:
        Refused: None may be deleted.
    """
    indexed = staying + waiting
    cap = deletion_cap(indexed, max_deletes)
    if waiting > cap:
        raise Refused(
            f"{waiting} of {indexed} documents would be deleted, more than the {cap} allowed, so "
            f"none was deleted. If that is right, sync with max_deletes={waiting} or more"
        )


def check_lost(gone: int, held: int, max_imports: int | None) -> None:
    """Refuse to import again what the store has lost, if that is too much.

    Raises:
        Refused: Nothing may be imported.
    """
    cap = deletion_cap(held, max_imports)
    if gone > cap:
        raise Refused(
            f"{gone} of {held} documents are gone from the store, more than the {cap} that may be "
            f"imported again without leave, so none was imported. If that is right, sync with "
            f"max_imports={gone} or more"
        )


def check_imports(work: Backlog, max_imports: int | None) -> None:
    """Refuse to import more files than was asked for.

    Raises:
        Refused: Nothing may be imported.
    """
    if max_imports is not None and work.files > max_imports:
        raise Refused(
            f"{work.files} files wait to be imported, more than max_imports={max_imports}, so none "
            f"was imported. If that is right, sync with max_imports={work.files} or more"
        )


def check_cost(work: Backlog, max_estimated_cost: float | None, price: Price | None) -> None:
    """Refuse to spend more than was asked for; without a known price nothing may be spent.

    Raises:
        Refused: Nothing may be imported.
    """
    if max_estimated_cost is None:
        return
    if price is None:
        raise Refused(
            "max_estimated_cost can't be kept, since the price of the embedding model is not "
            "known, so nothing was imported. Add the price to shared/prices.json, or sync without "
            "max_estimated_cost"
        )
    cost = price.cost(work.tokens)
    if cost > max_estimated_cost:
        raise Refused(
            f"{work.files} files of {size(work.bytes)} wait to be imported, about {work.tokens} "
            f"tokens: an estimated {amount(cost)} {price.currency} at "
            f"{price.per_million_tokens:g} a million (price of {price.as_of}), more than "
            f"max_estimated_cost={max_estimated_cost:g}, so none was imported. If that is right, "
            f"sync with max_estimated_cost={amount(cost)} or more"
        )


def refusals(*checks: Callable[[], None]) -> tuple[str, ...]:
    """What those of the guards say that refuse."""
    said = []
    for check in checks:
        try:
            check()
        except Refused as refused:
            said.append(str(refused))
    return tuple(said)
