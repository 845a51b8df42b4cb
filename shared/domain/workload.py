"""What a sync has before it, in figures; and the guards that look at them."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

from shared.domain.prices import Price


@dataclass(frozen=True, slots=True)
class Workload:
    """Files that wait to be imported.

    Attributes:
        files: How many.
        bytes: Their sizes together.
        tokens: What they are likely to be embedded as.
    """

    files: int = 0
    bytes: int = 0
    tokens: int = 0


def refusals(
    work: Workload,
    *,
    max_imports: int | None,
    max_estimated_cost: float | None,
    price: Price | None,
) -> list[str]:
    """What the guards of a sync say against it, each with the figures and the way to allow it.

    A bound on the cost without a known price lets nothing pass.
    """
    said = []
    if max_imports is not None and work.files > max_imports:
        said.append(
            f"{work.files} files wait to be imported, more than max_imports {max_imports}; "
            f"nothing was imported. Ask for at least {work.files} to allow it"
        )
    if max_estimated_cost is not None and price is None:
        said.append("max_estimated_cost can't be kept: the embedding model has no known price")
    elif max_estimated_cost is not None and price is not None:
        cost = price.cost(work.tokens)
        if cost > max_estimated_cost:
            said.append(
                f"{work.files} files of {work.bytes} bytes wait to be imported, about "
                f"{work.tokens} tokens: an estimated {amount(cost)} {price.currency} at "
                f"{price.per_million_tokens:g} a million (price of {price.as_of}), more than "
                f"max_estimated_cost {max_estimated_cost:g}; nothing was imported. Ask for "
                f"at least {amount(cost)} to allow it"
            )
    return said


def amount(value: float) -> str:
    """Money with two digits that say something and no less than cents, rounded up to suffice."""
    digits = 2 if value == 0 else max(2, 1 - floor(log10(value)))
    unit = 10**digits
    return f"{ceil(round(value * unit, 6)) / unit:.{digits}f}"
