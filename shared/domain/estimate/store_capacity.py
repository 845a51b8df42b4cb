"""How much more input fits into the project's stores.

The tier's limit is for all stores of a project together. By its documentation, the service counts
about three bytes for each byte of input. So what fits is only an estimate, and a 429 may still say
that the storage is full.
"""

from __future__ import annotations

from typing import Final

STORED_PER_BYTE: Final = 3
"""A store grows by about this many bytes for each byte of input."""

NEAR_CAP: Final = 0.9
"""At or above this share of the tier's storage, people are warned."""


def growth(net_bytes: int) -> int:
    """Bytes by which a store grows, given the input's bytes less those of replaced content."""
    return max(net_bytes, 0) * STORED_PER_BYTE


def is_near_cap(used: int, cap: int) -> bool:
    """Whether the storage used is at or above the share that is warned of."""
    return used >= cap * NEAR_CAP


def room_for(used: int, cap: int, under_way: int) -> int:
    """Bytes of input that still fit; negative if too much is under way already.

    Args:
        used: Bytes that the stores hold, as the service counts them.
        cap: Bytes that they may hold.
        under_way: Bytes of input being uploaded and imported, less those of replaced content.
    """
    return (cap - used) // STORED_PER_BYTE - max(under_way, 0)
