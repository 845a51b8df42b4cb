"""Guards limit what a sync may do unless it was allowed explicitly: deletions, imports, cost.

A guard refuses by raising ``Refused``, whose message has the figures and says how to allow it. A
dry run collects the messages instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from shared.domain.errors import Refused
from shared.domain.estimate.backlog import Backlog
from shared.domain.estimate.prices import Price
from shared.domain.figures import amount, size

FREE_DELETES = 50
"""Up to this number of deletions is always allowed, however few documents there are."""

FREE_DELETE_SHARE = 0.10
"""Up to this share of the documents may be deleted. More looks like a bad listing or a wrong
prefix."""

SMALL_STORE = 10
"""With fewer documents, all may be deleted unasked."""


def deletion_cap(documents: int, asked: int | None) -> int:
    """How many of ``documents`` documents one batch may delete; ``asked``, if given, overrides it.

    At most half of them, however few they are: more looks like an emptied bucket, and most stores
    are smaller than ``FREE_DELETES``.
    """
    if asked is not None:
        return asked
    cap = _free_share(documents)
    return min(cap, documents // 2) if documents >= SMALL_STORE else cap


def check_deletions(waiting: int, staying: int, max_deletes: int | None) -> None:
    """Check the number of deletions: ``waiting`` documents would go, and ``staying`` would stay.

    A document that an import replaces counts as staying, and one of a new file doesn't.

    Raises:
        Refused: Too many would be deleted, so none may be.
    """
    documents = staying + waiting
    cap = deletion_cap(documents, max_deletes)
    if waiting > cap:
        raise Refused(
            f"{waiting} of {documents} documents would be deleted, more than the {cap} allowed, so "
            f"none was deleted. If this is intended, sync with max_deletes={waiting} or more"
        )


def check_asked(
    asked: int, waiting: int, max_deletes: int | None, reasons: Mapping[str, int]
) -> None:
    """Check the documents whose content is unchanged, but which a rule of ours would remove.

    Args:
        asked: Number of such documents.
        waiting: Number of other documents that would be deleted.
        max_deletes: The batch's limit, which allows these only if it was given.
        reasons: Why the files are skipped, with numbers of files; may be of a part of them.

    Raises:
        Refused: They may not be deleted; this says nothing about the others.
    """
    if not asked or allows_asked(asked, waiting, max_deletes):
        return
    named = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    raise Refused(
        f"{asked} documents whose content has not changed would be deleted, since a rule of the "
        f"sync skips their files now{f' ({named})' if named else ''}, so they were kept. If this "
        f"is intended, sync with max_deletes={asked + waiting} or more"
    )


def allows_asked(asked: int, waiting: int, max_deletes: int | None) -> bool:
    """Whether ``max_deletes`` allows to delete the documents that ``check_asked`` is about."""
    return max_deletes is not None and asked + waiting <= max_deletes


def check_lost(gone: int, held: int, max_imports: int | None) -> None:
    """Check the number of documents that the store has lost and that would be imported again.

    Args:
        gone: Number of documents that are gone from the store.
        held: Number of documents that the records know.
        max_imports: The batch's limit; None without one.

    Raises:
        Refused: Too many would be imported again, so none may be.
    """
    cap = _free_share(held) if max_imports is None else max_imports
    if gone > cap:
        raise Refused(
            f"{gone} of {held} documents are gone from the store, more than the {cap} that may be "
            f"imported again, so none was imported. If this is intended, sync with "
            f"max_imports={gone} or more"
        )


def lost_store(store: str, work: Backlog, price: Price | None) -> str:
    """What to say of a store that can't be found: both causes, the way on of each, and its cost.

    Args:
        store: Resource name of the store.
        work: All files that another store would need.
        price: The price of embedding; None if it isn't known.
    """
    body = f'{{"mode": "full", "new_store": true, "max_imports": {work.files}}}'
    return (
        f"the store {store} is gone, or GEMINI_API_KEY is a key of another project, which can't "
        "read it. If the key is wrong, restore it: the next sync goes on, and imports nothing "
        "again. If the store was deleted, fill a new one: fss sync --mode full --new-store "
        f"--max-imports {work.files}, or POST /sync with {body}. That imports up to {work.files} "
        f"files again: {_tokens(work.tokens, price)}"
    )


def check_imports(work: Backlog, max_imports: int | None) -> None:
    """Check the number of files to import against ``max_imports``.

    Raises:
        Refused: There are more, so none may be imported.
    """
    if max_imports is not None and work.files > max_imports:
        raise Refused(
            f"{work.files} files wait to be imported, more than max_imports={max_imports}, so none "
            f"was imported. If this is intended, sync with max_imports={work.files} or more"
        )


def check_cost(work: Backlog, max_estimated_cost: float | None, price: Price | None) -> None:
    """Check the estimated cost of the imports against ``max_estimated_cost``, in US dollars.

    Raises:
        Refused: The cost is higher, or the price isn't known, so nothing may be imported.
    """
    if max_estimated_cost is None:
        return
    if price is None:
        raise Refused(
            "max_estimated_cost can't be checked, since the price of the embedding model is not "
            "known, so nothing was imported. Add the price to shared/prices.json, or sync without "
            "max_estimated_cost"
        )
    cost = price.cost(work.tokens)
    if cost > max_estimated_cost:
        raise Refused(
            f"{work.files} files of {size(work.bytes)} wait to be imported, about {work.tokens} "
            f"tokens: an estimated {amount(cost)} {price.currency} at "
            f"{price.per_million_tokens:g} a million (price of {price.as_of}), more than "
            f"max_estimated_cost={max_estimated_cost:g}, so none was imported. If this is "
            f"intended, sync with max_estimated_cost={amount(cost)} or more"
        )


def check_changed_settings(work: Backlog, price: Price | None) -> None:
    """Check how many files would be imported again for changed settings or another program alone.

    Args:
        work: All work that waits.
        price: The price of embedding; None if it isn't known.

    Raises:
        Refused: There are too many, so nothing may be imported.
    """
    again, held = work.metadata_files, work.staying
    if again <= _free_share(held):
        return
    tokens = _tokens(work.metadata_tokens, price)
    raise Refused(
        f"the settings or the program changed, so {again} of {held} indexed files would be "
        f"imported again although their content is unchanged: {tokens}. Nothing was imported. If "
        f'this is intended, POST /sync with {{"max_imports": {work.files}}}, or fss sync '
        f"--max-imports {work.files}, or the same with max_estimated_cost; then later syncs "
        "continue. If not, set the settings back"
    )


def refusals(*checks: Callable[[], None]) -> tuple[str, ...]:
    """The messages of the guards that refuse."""
    said = []
    for check in checks:
        try:
            check()
        except Refused as refused:
            said.append(str(refused))
    return tuple(said)


def _tokens(tokens: int, price: Price | None) -> str:
    """The tokens to embed, and what they cost if that is known."""
    said = f"about {tokens} tokens"
    if price is None:
        return said
    cost = amount(price.cost(tokens))
    return f"{said}, an estimated {cost} {price.currency} (price of {price.as_of})"


def _free_share(documents: int) -> int:
    return max(FREE_DELETES, int(documents * FREE_DELETE_SHARE))
