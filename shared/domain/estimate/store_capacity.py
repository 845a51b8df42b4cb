"""How much more the project's stores can take.

The cap holds for all stores of a project together, and the service counts about three bytes for
each byte of input, by its documentation. so what fits is estimated, never known: a 429 has the last
word.
"""

from __future__ import annotations

from typing import Final

STORED_PER_BYTE: Final = 3
"""A store grows by about so many bytes for each byte of input."""

NEAR_CAP: Final = 0.9
"""From this share of the tier's storage on, somebody should know."""


def growth(net_bytes: int) -> int:
    """By how much a store grows for so many bytes more of input than it gives up."""
    return max(net_bytes, 0) * STORED_PER_BYTE


def is_near_cap(used: int, cap: int) -> bool:
    """Whether little is left."""
    return used >= cap * NEAR_CAP


def room_for(used: int, cap: int, under_way: int) -> int:
    """Bytes of input that still fit; less than none where too much is under way already.

    Args:
        used: What the stores hold, as the service counts it.
        cap: What they may hold.
        under_way: Bytes of input, replaced ones taken off, that are on their way into a store.
    """
    return (cap - used) // STORED_PER_BYTE - max(under_way, 0)
